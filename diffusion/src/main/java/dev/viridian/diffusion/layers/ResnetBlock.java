package dev.viridian.diffusion.layers;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.Conv2d;
import dev.viridian.engine.nn.GroupNorm;
import dev.viridian.engine.nn.Linear;
import dev.viridian.engine.nn.Module;
import dev.viridian.engine.ops.Add;
import dev.viridian.engine.ops.Cast;
import dev.viridian.engine.ops.Reshape;
import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import org.jspecify.annotations.Nullable;

/**
 * {@code x + conv₂(silu(norm₂(conv₁(silu(norm₁(x))) + time)))}, with a 1×1 convolution on x where
 * the widths differ. Maps are [n, h, w, channels].
 */
public final class ResnetBlock extends Module {
  private final GroupNorm norm1;
  private final Conv2d conv1;
  private final @Nullable Linear timeProjection;
  private final GroupNorm norm2;
  private final Conv2d conv2;
  private final @Nullable Conv2d shortcut;

  /**
   * A block.
   *
   * @param timeChannels width of the time embedding; 0 for none (the VAE)
   */
  public ResnetBlock(int in, int out, int timeChannels, int groups, float eps) {
    norm1 = child("norm1", new GroupNorm(groups, in, eps));
    conv1 = child("conv1", new Conv2d(in, out, 3, 1, 1));
    timeProjection =
        timeChannels == 0 ? null : child("time_emb_proj", new Linear(timeChannels, out, true));
    norm2 = child("norm2", new GroupNorm(groups, out, eps));
    conv2 = child("conv2", new Conv2d(out, out, 3, 1, 1));
    shortcut = in == out ? null : child("conv_shortcut", new Conv2d(in, out, 1, 1, 0));
  }

  /**
   * What the first convolution adds at given times: its own bias plus the projected embedding, so
   * that the time costs nothing in {@link #forward}.
   *
   * @param activated silu of the time embedding, [times, timeChannels]
   * @return [times, out]
   */
  public Tensor timeBias(Tensor activated) {
    if (timeProjection == null) {
      throw new IllegalStateException("this block has no time embedding");
    }
    try (MemoryScope scope = MemoryScope.open()) {
      return scope.keep(
          Add.of(timeProjection.forward(activated), Cast.of(conv1.bias(), DType.F32)));
    }
  }

  private Tensor each(Tensor h, Tensor timeBias) {
    Tensor c = conv1.forwardWithoutBias(h);
    Tensor bias = Cast.of(timeBias, c.dtype());
    Tensor sum = Add.of(c, Reshape.of(bias, bias.size(0), 1, 1, bias.size(1)));
    c.close();
    return sum;
  }

  /** Without a time. */
  public Tensor forward(Tensor x) {
    return forward(x, conv1.bias());
  }

  /**
   * With a time.
   *
   * @param timeBias [out], a row of {@link #timeBias(Tensor)}: the same for the whole batch; or all
   *     of it, [n, out]: each sample at its own time
   */
  public Tensor forward(Tensor x, Tensor timeBias) {
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor h = norm1.forward(x, Activation.SILU, conv1.takesRounded(x));
      Tensor c = timeBias.shape().rank() == 1 ? conv1.forward(h, timeBias) : each(h, timeBias);
      h.close(); // maps are large: each goes as soon as it is read
      Tensor n = norm2.forward(c, Activation.SILU, conv2.takesRounded(c));
      c.close();
      if (n.dtype() != DType.F32 || conv2.joinsOnto(n)) {
        return scope.keep(conv2.forwardOnto(n, shortcut == null ? x : shortcut.forward(x)));
      }
      Tensor d = conv2.forward(n);
      n.close();
      Tensor s = shortcut == null ? x : shortcut.forward(x);
      return scope.keep(Add.of(s, d));
    }
  }

  /** Without a time, band by band: what {@link #second} reads. */
  public Rows first(Bands bands, Rows x) {
    return Bands.convolved(conv1, bands.normalised(norm1, x, Activation.SILU));
  }

  /** What is added to {@link #skip}, band by band. */
  public Rows second(Bands bands, Rows first) {
    return Bands.convolved(conv2, bands.normalised(norm2, first, Activation.SILU));
  }

  /** x, in the width of the result. */
  public Rows skip(Rows x) {
    return shortcut == null ? x : Bands.convolved(shortcut, x);
  }
}
