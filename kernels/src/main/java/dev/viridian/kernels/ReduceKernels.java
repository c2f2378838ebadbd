package dev.viridian.kernels;

import dev.viridian.kernels.memory.Buffer;
import org.jspecify.annotations.Nullable;

/**
 * Reductions of contiguous F32 [outer, size, inner] over the middle to [outer, inner]. Sums are
 * accumulated in an order that depends on the sizes alone, with an error like that of a pairwise
 * sum or better. Written ({@code =}).
 */
public interface ReduceKernels {
  /** The three runs of dimensions. */
  record Problem(long outer, int size, long inner) {
    /** Checks sizes. */
    public Problem {
      Check.notNegative("ReduceKernels", "outer", outer);
      Check.notNegative("ReduceKernels", "size", size);
      Check.notNegative("ReduceKernels", "inner", inner);
    }
  }

  /** {@code y = scale · Σ x}; a sum of nothing is 0. */
  void sum(Problem p, float scale, Buffer x, Buffer y);

  /**
   * {@code y = Σ (x − mean)² / (size − correction)}, two passes; mean [outer, inner] is written.
   */
  void variance(Problem p, int correction, Buffer x, Buffer mean, Buffer y);

  /** {@code y = √Σ x²}. */
  void norm2(Problem p, Buffer x, Buffer y);

  /**
   * Largest value and the first place where it stands (I64).
   *
   * @param index null if not wanted
   */
  void max(Problem p, Buffer x, Buffer y, @Nullable Buffer index);

  /** Smallest value and the first place where it stands (I64). */
  void min(Problem p, Buffer x, Buffer y, @Nullable Buffer index);

  /** Running sums along the middle, y shaped as x. */
  void cumulativeSum(Problem p, boolean reverse, Buffer x, Buffer y);

  /** Running products along the middle, y shaped as x. */
  void cumulativeProduct(Problem p, Buffer x, Buffer y);

  /** Gradient of {@link #cumulativeProduct}, right where values are zero too. */
  void cumulativeProductBackward(Problem p, Buffer x, Buffer dy, Buffer dx);
}
