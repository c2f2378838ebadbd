package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.PointwiseKernels.Unary;

/**
 * {@code y = x}, or {@code slope · x} below 0; derivative slope at 0, element by element; F32 of
 * any shape.
 */
public record LeakyRelu(float slope) implements UnaryOp {
  /** Applies it to every element. */
  public static Tensor of(Tensor x, float slope) {
    return Tape.apply(new LeakyRelu(slope), x);
  }

  @Override
  public Unary function() {
    return Unary.LEAKY_RELU;
  }

  @Override
  public float p0() {
    return slope;
  }
}
