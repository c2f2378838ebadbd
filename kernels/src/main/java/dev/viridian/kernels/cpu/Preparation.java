package dev.viridian.kernels.cpu;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.AttentionKernels.Inputs;
import dev.viridian.kernels.AttentionKernels.Results;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.BroadcastProblem;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.PointwiseKernels;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.util.List;

/**
 * Small calls of what every network needs, so that kernels are chosen, generated and checked, and
 * their classes loaded, while something else is waited for.
 */
final class Preparation {
  private static final int SIDE = 16;
  private static final int CHANNELS = 64;
  private static final int ROWS = SIDE * SIDE;

  private final CpuKernels kernels;
  private final HostBuffer x;
  private final HostBuffer weight;
  private final HostBuffer turned;
  private final HostBuffer y;

  private Preparation(CpuKernels kernels, Arena arena) {
    this.kernels = kernels;
    x = new HostBuffer(arena.allocate(4L * ROWS * CHANNELS, 64));
    weight = new HostBuffer(arena.allocate(4L * 9 * CHANNELS * CHANNELS, 64));
    turned = new HostBuffer(arena.allocate(weight.bytes(), 64));
    y = new HostBuffer(arena.allocate(4L * ROWS * CHANNELS, 64));
  }

  static void run(CpuKernels kernels) {
    try (Arena arena = Arena.ofShared()) {
      new Preparation(kernels, arena).run();
    }
  }

  private void run() {
    copy();
    kernels.gemm().gemm(GemmProblem.of(ROWS, CHANNELS, CHANNELS, false, true), x, weight, null, y);
    kernels.norm().layerNorm(layerNorm(), new NormKernels.Forward(x, null, null, y));
    kernels
        .attention()
        .forward(
            AttentionProblem.blhd(1, 1, CHANNELS, CHANNELS, CHANNELS),
            new Inputs(x, x, x),
            new Results(y));
    kernels.norm().groupNorm(groupNorm(), new NormKernels.Forward(x, null, null, y));
    for (int kernel : new int[] {1, 3}) {
      ConvProblem p = ConvProblem.of(1, SIDE, SIDE, CHANNELS, CHANNELS, kernel, 1, kernel / 2);
      kernels.conv().forward(p, x, weight, null, y);
    }
    long n = (long) ROWS * CHANNELS;
    BroadcastProblem same = new BroadcastProblem(List.of(n), List.of(1L), List.of(1L));
    kernels.pointwise().binary(PointwiseKernels.Binary.ADD, same, x, x, y);
    kernels.pointwise().geglu(ROWS / 2, CHANNELS, x, y);
  }

  /** As weights of convolutions are turned, in the types that they have in files. */
  private void copy() {
    long c = CHANNELS;
    List<Long> shape = List.of(c, 3L, 3L, c);
    for (DType type : new DType[] {DType.F16, DType.F32}) {
      kernels
          .copy()
          .copy(
              new CopyKernels.Copy(
                  shape,
                  type,
                  0,
                  List.of(9 * c, 3L, 1L, 9L),
                  type,
                  0,
                  List.of(9 * c, 3 * c, c, 1L)),
              weight,
              turned);
    }
  }

  private static NormKernels.GroupNorm groupNorm() {
    return new NormKernels.GroupNorm(1, ROWS, CHANNELS, 32, 1e-5f, DType.F32, Activation.SILU);
  }

  private static NormKernels.LayerNorm layerNorm() {
    return new NormKernels.LayerNorm(ROWS, CHANNELS, 1e-5f, DType.F32);
  }
}
