package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.PointwiseKernels.Unary;

/** {@code y = x^exponent}, element by element; F32 of any shape. */
public record PowScalar(float exponent) implements UnaryOp {
  /** Applies it to every element. */
  public static Tensor of(Tensor x, float exponent) {
    return Tape.apply(new PowScalar(exponent), x);
  }

  @Override
  public Unary function() {
    return Unary.POW;
  }

  @Override
  public float p0() {
    return exponent;
  }
}
