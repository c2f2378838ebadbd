package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;

/** {@code y = Σ x} over some dimensions; F32. A sum of nothing is 0. */
public final class Sum {
  private Sum() {}

  /** The sum of all elements, of rank 0. */
  public static Tensor of(Tensor x) {
    return of(x, false);
  }

  /**
   * Sums over some dimensions.
   *
   * @param keep whether they stay, of size 1
   * @param dims none means all
   */
  public static Tensor of(Tensor x, boolean keep, int... dims) {
    Expect.f32("Sum", "x", x.spec());
    int[] axes = Dims.of("Sum", x.shape(), dims);
    Shape kept = Dims.reduced(x.shape(), axes, true);
    Tensor y = SumTo.of(x, kept);
    return keep ? y : Reshape.of(y, Dims.reduced(x.shape(), axes, false).sizes());
  }
}
