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

  /**
   * x [..., size], normalised.
   *
   * @param rounded whether it may be rounded to BF16, where the device does that in good time
   */
  public Tensor forward(Tensor x, boolean rounded) {
    return rounded && x.device().kernels().norm().rounds(x.size(-1))
        ? dev.viridian.engine.ops.LayerNorm.rounded(x, weight.value(), bias.value(), eps)
        : forward(x);
  }

  /** x [..., size], normalised. */
  public Tensor forward(Tensor x) {
    return dev.viridian.engine.ops.LayerNorm.of(x, weight.value(), bias.value(), eps);
  }
}
