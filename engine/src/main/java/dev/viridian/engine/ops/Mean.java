package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;

/** {@code y = Σ x / count} over some dimensions; F32. A mean of nothing is not a number. */
public final class Mean {
  private Mean() {}

  /** The mean of all elements, of rank 0. */
  public static Tensor of(Tensor x) {
    return of(x, false);
  }

  /**
   * Averages over some dimensions.
   *
   * @param keep whether they stay, of size 1
   * @param dims none means all
   */
  public static Tensor of(Tensor x, boolean keep, int... dims) {
    long count = Dims.count(x.shape(), Dims.of("Mean", x.shape(), dims));
    return Affine.of(Sum.of(x, keep, dims), (float) (1.0 / count), 0);
  }
}
