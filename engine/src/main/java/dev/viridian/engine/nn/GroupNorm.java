package dev.viridian.engine.nn;

import dev.viridian.engine.Tensor;
import dev.viridian.kernels.Activation;

/** Group normalisation with {@code weight} and {@code bias} [channels]. */
public final class GroupNorm extends Module {
  private final Parameter weight;
  private final Parameter bias;
  private final int groups;
  private final float eps;

  /** Over {@code groups} groups of {@code channels}. */
  public GroupNorm(int groups, int channels, float eps) {
    this.groups = groups;
    this.eps = eps;
    weight = parameter("weight", channels);
    bias = parameter("bias", channels);
  }

  /** x [n, ..., channels], normalised. */
  public Tensor forward(Tensor x) {
    return forward(x, Activation.NONE);
  }

  /** x [n, ..., channels], normalised, with an activation in the same pass. */
  public Tensor forward(Tensor x, Activation activation) {
    return dev.viridian.engine.ops.GroupNorm.of(
        x, weight.value(), bias.value(), groups, eps, activation);
  }
}
