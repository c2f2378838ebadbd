package dev.viridian.engine.nn;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.Add;
import dev.viridian.engine.ops.BiasAdd;
import dev.viridian.engine.ops.PackedConv2d;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedWeight;
import org.jspecify.annotations.Nullable;

/** A square convolution with bias on channels-last maps. */
public final class Conv2d extends Module {
  private final Parameter weight;
  private final Parameter bias;
  private final int stride;
  private final int padding;

  /** From {@code in} to {@code out} channels. */
  public Conv2d(int in, int out, int kernel, int stride, int padding) {
    this.stride = stride;
    this.padding = padding;
    weight = convolution("weight", out, in, kernel, kernel);
    bias = parameter("bias", out);
  }

  /** x [n, h, w, in] to [n, h′, w′, out]. */
  public Tensor forward(Tensor x) {
    return forward(x, bias.value());
  }

  /** As {@link #forward(Tensor)} with another bias [out] in place of its own. */
  public Tensor forward(Tensor x, Tensor otherBias) {
    return apply(x, padding, padding, padding, padding, otherBias);
  }

  /**
   * {@code forward(x) + residual}; in one pass where the device has that, of activations of 16 bits
   * with one after the convolution.
   *
   * @param residual of the result's shape
   */
  public Tensor forwardOnto(Tensor x, Tensor residual) {
    try (MemoryScope scope = MemoryScope.open()) {
      PackedConv2d packed = packed(padding, padding, padding, padding);
      if (packed != null && packed.joins(x)) {
        return scope.keep(packed.apply(x, weight.packed(), bias.value(), residual));
      }
      return scope.keep(
          x.dtype() == DType.F32
              ? Add.of(residual, forward(x))
              : BiasAdd.of(forwardWithoutBias(x), bias.value(), residual));
    }
  }

  /** Whether {@link #forwardOnto} of F32 is one pass. */
  public boolean joinsOnto(Tensor x) {
    PackedConv2d packed = packed(padding, padding, padding, padding);
    return packed != null && packed.joins(x);
  }

  /** Whether x may come rounded to BF16. */
  public boolean takesRounded(Tensor x) {
    PackedConv2d packed = packed(padding, padding, padding, padding);
    return packed != null && packed.takesRounded(x);
  }

  /** As {@link #forward(Tensor)} without any bias: whoever calls adds one. */
  public Tensor forwardWithoutBias(Tensor x) {
    return apply(x, padding, padding, padding, padding, null);
  }

  /**
   * As {@link #forward(Tensor)} with other rows of zeros above and below: for a band of a map, of
   * which the rows around it are there.
   */
  public Tensor forward(Tensor x, int above, int below) {
    return apply(x, above, below, padding, padding, bias.value());
  }

  /** Zeros around a map. */
  public int padding() {
    return padding;
  }

  /** Channels of the result. */
  public int outChannels() {
    return weight.shape().size(0);
  }

  /** Its bias [out]. */
  public Tensor bias() {
    return bias.value();
  }

  /** Padded with zeros to the right and below only, as the VAE's encoder does before stride 2. */
  public Tensor forwardPaddedBelow(Tensor x) {
    return apply(x, 0, 1, 0, 1, bias.value());
  }

  private dev.viridian.engine.ops.Conv2d op(int above, int below, int left, int right) {
    return new dev.viridian.engine.ops.Conv2d(stride, stride, above, below, left, right, 1, 1, 1);
  }

  private @Nullable PackedConv2d packed(int above, int below, int left, int right) {
    PackedWeight packing = weight.packing();
    return packing == null
        ? null
        : new PackedConv2d(op(above, below, left, right), packing, weight.shape().size(2));
  }

  private Tensor apply(
      Tensor x, int above, int below, int left, int right, @Nullable Tensor added) {
    PackedConv2d packed = packed(above, below, left, right);
    return packed == null
        ? op(above, below, left, right).apply(x, weight.value(), added)
        : packed.apply(x, weight.packed(), added);
  }
}
