package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.PointwiseKernels.Unary;

/** {@code y = scale · x + shift}, element by element; F32 of any shape. */
public record Affine(float scale, float shift) implements UnaryOp {
  /** Applies it to every element. */
  public static Tensor of(Tensor x, float scale, float shift) {
    return Tape.apply(new Affine(scale, shift), x);
  }

  @Override
  public Unary function() {
    return Unary.AFFINE;
  }

  @Override
  public float p0() {
    return scale;
  }

  @Override
  public float p1() {
    return shift;
  }
}
