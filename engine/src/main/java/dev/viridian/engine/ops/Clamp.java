package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.PointwiseKernels.Unary;

/**
 * {@code y = min(max(x, min), max)}; derivative 0 at exactly min and max. An infinite bound is
 * none, element by element; F32 of any shape.
 */
public record Clamp(float min, float max) implements UnaryOp {
  /** Applies it to every element. */
  public static Tensor of(Tensor x, float min, float max) {
    return Tape.apply(new Clamp(min, max), x);
  }

  @Override
  public Unary function() {
    return Unary.CLAMP;
  }

  @Override
  public float p0() {
    return min;
  }

  @Override
  public float p1() {
    return max;
  }
}
