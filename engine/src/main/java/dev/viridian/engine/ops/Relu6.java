package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.PointwiseKernels.Unary;

/** {@code y = min(max(x, 0), 6)}; derivative 0 at 0 and 6, element by element; F32 of any shape. */
public record Relu6() implements UnaryOp {
  /** Applies it to every element. */
  public static Tensor of(Tensor x) {
    return Tape.apply(new Relu6(), x);
  }

  @Override
  public Unary function() {
    return Unary.RELU6;
  }
}
