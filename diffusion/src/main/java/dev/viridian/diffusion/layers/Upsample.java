package dev.viridian.diffusion.layers;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.Conv2d;
import dev.viridian.engine.nn.Module;
import dev.viridian.engine.ops.Resize;
import dev.viridian.kernels.ResampleKernels;

/** Nearest enlargement, then a 3×3 convolution. */
public final class Upsample extends Module {
  private final Conv2d conv;

  /** Keeps the number of channels. */
  public Upsample(int channels) {
    conv = child("conv", new Conv2d(channels, channels, 3, 1, 1));
  }

  /** What follows the enlargement. */
  Conv2d convolution() {
    return conv;
  }

  /** x [n, h, w, c] to [n, outH, outW, c]; source row = floor(i · h / outH). */
  public Tensor forward(Tensor x, int outH, int outW) {
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor large = Resize.of(x, outH, outW, ResampleKernels.Mode.NEAREST);
      return scope.keep(conv.forward(large));
    }
  }
}
