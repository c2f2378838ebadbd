package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.PointwiseKernels.Unary;

/** {@code y = ln x}, element by element; F32 of any shape. */
public record Log() implements UnaryOp {
  /** Applies it to every element. */
  public static Tensor of(Tensor x) {
    return Tape.apply(new Log(), x);
  }

  @Override
  public Unary function() {
    return Unary.LOG;
  }
}
