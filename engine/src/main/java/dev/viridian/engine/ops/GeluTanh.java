package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.PointwiseKernels.Unary;

/** {@code y = x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))}, element by element; F32 of any shape. */
public record GeluTanh() implements UnaryOp {
  /** Applies it to every element. */
  public static Tensor of(Tensor x) {
    return Tape.apply(new GeluTanh(), x);
  }

  @Override
  public Unary function() {
    return Unary.GELU_TANH;
  }
}
