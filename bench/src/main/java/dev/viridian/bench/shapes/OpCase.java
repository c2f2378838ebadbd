package dev.viridian.bench.shapes;

import dev.viridian.kernels.Kernels;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** One kernel call on one shape. */
public sealed interface OpCase
    permits GemmShape, ConvShape, AttentionShape, GroupNormShape, LayerNormShape, GegluShape {
  /** Family and sizes, such as {@code gemm 4096x320x320}. */
  String label();

  /** The family's name in {@link dev.viridian.kernels.cpu.CpuOptions}. */
  String family();

  /** Floating-point operations, multiplications and additions counted as one each. */
  double flops();

  /**
   * Makes inputs and outputs, and the call on them.
   *
   * @param arena where they lie
   */
  Runnable prepare(Kernels kernels, Arena arena);

  /** The same for a peer: {@code op} and its sizes. */
  Map<String, Object> request();

  /** Every case, family by family. */
  static List<OpCase> all() {
    List<OpCase> all = new ArrayList<>();
    all.addAll(List.of(GemmShape.values()));
    all.addAll(List.of(ConvShape.values()));
    all.addAll(List.of(AttentionShape.values()));
    all.addAll(List.of(GroupNormShape.values()));
    all.addAll(List.of(LayerNormShape.values()));
    all.addAll(List.of(GegluShape.values()));
    return all;
  }
}
