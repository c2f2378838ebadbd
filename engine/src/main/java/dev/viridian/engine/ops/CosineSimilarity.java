package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;

/** {@code y = Σ a b / (max(|a|, eps) max(|b|, eps))} along a dimension; F32, shapes repeated. */
public final class CosineSimilarity {
  private CosineSimilarity() {}

  /** The similarity along a dimension, which goes. */
  public static Tensor of(Tensor a, Tensor b, int dim, float eps) {
    Tensor dot = Sum.of(Mul.of(a, b), false, dim);
    return Div.of(dot, Mul.of(length(a, dim, eps), length(b, dim, eps)));
  }

  private static Tensor length(Tensor x, int dim, float eps) {
    return Clamp.of(Norm2.of(x, false, dim), eps, Float.POSITIVE_INFINITY);
  }
}
