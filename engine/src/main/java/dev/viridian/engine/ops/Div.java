package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.PointwiseKernels.Binary;

/** {@code y = a / b}, element by element; F32, the shapes repeated to a common one. */
public record Div() implements BinaryOp {
  /** Applies it to every pair. */
  public static Tensor of(Tensor a, Tensor b) {
    return Tape.apply(new Div(), a, b);
  }

  @Override
  public Binary function() {
    return Binary.DIV;
  }
}
