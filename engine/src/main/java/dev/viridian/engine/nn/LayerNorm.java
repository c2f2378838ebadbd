package dev.viridian.engine.nn;

import dev.viridian.engine.Tensor;

/** Layer normalisation over the last dimension with {@code weight} and {@code bias}. */
public final class LayerNorm extends Module {
  private final Parameter weight;
  private final Parameter bias;
  private final float eps;

  /** Over {@code size} values. */
  public LayerNorm(int size, float eps) {
    this.eps = eps;
    weight = parameter("weight", size);
    bias = parameter("bias", size);
  }

  /** x [..., size], normalised. */
  public Tensor forward(Tensor x) {
    return dev.viridian.engine.ops.LayerNorm.of(x, weight.value(), bias.value(), eps);
  }
}
