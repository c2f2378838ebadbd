package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.PointwiseKernels.Unary;

/** {@code y = x · sigmoid(x)}, element by element; F32 of any shape. */
public record Silu() implements UnaryOp {
  /** Applies it to every element. */
  public static Tensor of(Tensor x) {
    return Tape.apply(new Silu(), x);
  }

  @Override
  public Unary function() {
    return Unary.SILU;
  }
}
