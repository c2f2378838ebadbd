package dev.viridian.engine.nn;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.ops.PackedLinear;
import dev.viridian.kernels.PackedWeight;
import org.jspecify.annotations.Nullable;

/** A linear layer: {@code weight} [out, in] and, if it has one, {@code bias} [out]. */
public final class Linear extends Module {
  private final Parameter weight;
  private final @Nullable Parameter bias;

  /** From {@code in} to {@code out} values. */
  public Linear(int in, int out, boolean withBias) {
    weight = linear("weight", out, in);
    bias = withBias ? parameter("bias", out) : null;
  }

  /** x [..., in] to [..., out]. */
  public Tensor forward(Tensor x) {
    Tensor added = bias == null ? null : bias.value();
    PackedWeight packing = weight.packing();
    return packing == null
        ? dev.viridian.engine.ops.Linear.of(x, weight.value(), added)
        : PackedLinear.of(x, packing, weight.packed(), added);
  }
}
