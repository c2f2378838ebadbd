package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.PointwiseKernels.Unary;

/** {@code y = tanh(x)}, element by element; F32 of any shape. */
public record Tanh() implements UnaryOp {
  /** Applies it to every element. */
  public static Tensor of(Tensor x) {
    return Tape.apply(new Tanh(), x);
  }

  @Override
  public Unary function() {
    return Unary.TANH;
  }
}
