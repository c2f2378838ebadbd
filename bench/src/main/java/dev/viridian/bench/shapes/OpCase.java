package dev.viridian.bench.shapes;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
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

  /** Shapes of what it reads; maps of pictures and filters have their channels last. */
  List<long[]> inputs();

  /** Shape of what it writes. */
  long[] output();

  /** The call on buffers of these shapes, in F32. */
  Runnable call(Kernels kernels, List<? extends Buffer> in, Buffer out);

  /** Whether there are kernels for it in a precision. */
  default boolean has(Precision precision) {
    return precision == Precision.F32;
  }

  /**
   * The call in a precision that it {@link #has}; weights are packed before.
   *
   * @param arena where packed weights lie
   */
  default Runnable call(
      Kernels kernels, Precision precision, List<? extends Buffer> in, Buffer out, Arena arena) {
    return call(kernels, in, out);
  }

  /**
   * Makes inputs and outputs, and the call on them.
   *
   * @param arena where they lie
   */
  default Runnable prepare(Kernels kernels, Precision precision, Arena arena) {
    return call(kernels, precision, values(arena), Inputs.empty(arena, elements(output())), arena);
  }

  /** A weight as products of lower precision read it. */
  static HostBuffer packed(Kernels kernels, PackedWeight w, Buffer weight, Arena arena) {
    HostBuffer packed = new HostBuffer(arena.allocate(w.bytes(), Inputs.ALIGNMENT));
    kernels.packed().pack(w, DType.F32, weight, packed);
    return packed;
  }

  /**
   * Inputs: numbers evenly drawn from −1 to 1, the same each time.
   *
   * @param arena where they lie
   */
  default List<HostBuffer> values(Arena arena) {
    return inputs().stream().map(s -> Inputs.random(arena, elements(s))).toList();
  }

  /** How many numbers a shape has. */
  static long elements(long[] shape) {
    return Arrays.stream(shape).reduce(1, Math::multiplyExact);
  }

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
