package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.PointwiseKernels.Unary;

/** {@code y = log(1 + e^x)}, x itself above 20, element by element; F32 of any shape. */
public record Softplus() implements UnaryOp {
  /** Applies it to every element. */
  public static Tensor of(Tensor x) {
    return Tape.apply(new Softplus(), x);
  }

  @Override
  public Unary function() {
    return Unary.SOFTPLUS;
  }
}
