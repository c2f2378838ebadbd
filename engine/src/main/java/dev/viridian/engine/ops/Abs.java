package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.PointwiseKernels.Unary;

/** {@code y = |x|}; derivative 0 at 0, element by element; F32 of any shape. */
public record Abs() implements UnaryOp {
  /** Applies it to every element. */
  public static Tensor of(Tensor x) {
    return Tape.apply(new Abs(), x);
  }

  @Override
  public Unary function() {
    return Unary.ABS;
  }
}
