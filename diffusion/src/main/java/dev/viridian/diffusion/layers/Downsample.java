package dev.viridian.diffusion.layers;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.nn.Conv2d;
import dev.viridian.engine.nn.Module;

/** A 3×3 convolution of stride 2: h becomes ceil(h / 2). */
public final class Downsample extends Module {
  private final Conv2d conv;
  private final boolean paddedBelow;

  /**
   * Keeps the number of channels.
   *
   * @param paddedBelow pads to the right and below only (the VAE's encoder), not all round
   */
  public Downsample(int channels, boolean paddedBelow) {
    this.paddedBelow = paddedBelow;
    conv = child("conv", new Conv2d(channels, channels, 3, 2, 1));
  }

  /** x [n, h, w, c] to [n, ⌈h/2⌉, ⌈w/2⌉, c] (⌊h/2⌋ when padded below and h is odd). */
  public Tensor forward(Tensor x) {
    return paddedBelow ? conv.forwardPaddedBelow(x) : conv.forward(x);
  }
}
