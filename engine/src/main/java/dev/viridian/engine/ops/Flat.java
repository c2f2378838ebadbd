package dev.viridian.engine.ops;

import dev.viridian.kernels.BroadcastProblem;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.PointwiseKernels.Binary;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/** Arithmetic on whole buffers, for backward passes made of several steps. */
final class Flat {
  private Flat() {}

  /** {@code y = f(a, b)}, n values each. */
  static void binary(Kernels kernels, Binary f, long n, Buffer a, Buffer b, Buffer y) {
    BroadcastProblem p = new BroadcastProblem(List.of(n), List.of(1L), List.of(1L));
    kernels.pointwise().binary(f, p, a, b, y);
  }

  /** {@code y = f(a, b)}: a and y [outer, size, inner], b [outer, 1, inner] repeated. */
  static void binary(
      Kernels kernels, Binary f, long outer, long size, long inner, Buffer a, Buffer b, Buffer y) {
    kernels.pointwise().binary(f, repeatedOverMiddle(outer, size, inner), a, b, y);
  }

  static BroadcastProblem repeatedOverMiddle(long outer, long size, long inner) {
    return new BroadcastProblem(
        List.of(outer, size, inner), List.of(size * inner, inner, 1L), List.of(inner, 0L, 1L));
  }
}
