package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.PointwiseKernels.Unary;

/** {@code y = 1 / (1 + e^−x)}, element by element; F32 of any shape. */
public record Sigmoid() implements UnaryOp {
  /** Applies it to every element. */
  public static Tensor of(Tensor x) {
    return Tape.apply(new Sigmoid(), x);
  }

  @Override
  public Unary function() {
    return Unary.SIGMOID;
  }
}
