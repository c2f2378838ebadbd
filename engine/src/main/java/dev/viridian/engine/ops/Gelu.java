package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.PointwiseKernels.Unary;

/**
 * {@code y = x · Φ(x)}, exact: Φ is the standard normal distribution function, element by element;
 * F32 of any shape.
 */
public record Gelu() implements UnaryOp {
  /** Applies it to every element. */
  public static Tensor of(Tensor x) {
    return Tape.apply(new Gelu(), x);
  }

  @Override
  public Unary function() {
    return Unary.GELU;
  }
}
