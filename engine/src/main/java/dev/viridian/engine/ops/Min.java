package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Forward;

/**
 * The smallest value along a dimension and the first place where it stands; F32. The whole gradient
 * goes to that place.
 */
public record Min(int dim) implements ExtremeOp {
  /**
   * Searches along a dimension.
   *
   * @param keep whether it stays, of size 1
   */
  public static Selection of(Tensor x, int dim, boolean keep) {
    return ExtremeOp.select(new Min(x.shape().axis(dim)), x, keep);
  }

  @Override
  public void forward(Forward c) {
    c.kernels()
        .reduce()
        .min(Dims.problem(c.in(0).shape(), dim, dim + 1), c.input(0), c.output(0), c.output(1));
  }
}
