package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.PointwiseKernels.Unary;

/** {@code y = 1 / √x}, element by element; F32 of any shape. */
public record Rsqrt() implements UnaryOp {
  /** Applies it to every element. */
  public static Tensor of(Tensor x) {
    return Tape.apply(new Rsqrt(), x);
  }

  @Override
  public Unary function() {
    return Unary.RSQRT;
  }
}
