package dev.viridian.matting.head;

import dev.viridian.diffusion.layers.Bands;
import dev.viridian.diffusion.layers.Rows;
import dev.viridian.diffusion.layers.StoredRows;
import dev.viridian.diffusion.weights.MattingHeadConfig;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.Conv2d;
import dev.viridian.engine.nn.Module;
import dev.viridian.engine.ops.Sigmoid;
import dev.viridian.engine.ops.Silu;

/**
 * DiffuMatting's head (paper, section 3: "two stack of 2d conv and SiLU"): {@code
 * silu(conv₂(silu(conv₁(f))))} with 3×3 convolutions, from a decoder feature [n, H, W, c] to a
 * coarse mask [n, H, W, 1]. The mask is not clamped: SiLU reaches down to −0.278. A head may be
 * configured to end in a sigmoid instead. Thread-safe once loaded.
 */
public final class MattingHead extends Module {
  private final MattingHeadConfig config;
  private final Conv2d conv1;
  private final Conv2d conv2;

  /** A head without numbers. */
  public MattingHead(MattingHeadConfig config) {
    this.config = config;
    conv1 = child("conv1", new Conv2d(config.inChannels(), config.hiddenChannels(), 3, 1, 1));
    conv2 = child("conv2", new Conv2d(config.hiddenChannels(), 1, 3, 1, 1));
  }

  /** Its configuration. */
  public MattingHeadConfig config() {
    return config;
  }

  /** The coarse mask, not clamped. */
  public Tensor forward(Tensor feature) {
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor h = conv1.forward(feature);
      Tensor a = Silu.of(h);
      h.close();
      Tensor mask = conv2.forward(a);
      return scope.keep(activated(mask));
    }
  }

  /** The same of one feature [1, H, W, c], band by band. */
  public Tensor forward(Tensor feature, Bands bands) {
    Rows hidden = Bands.convolved(conv1, new StoredRows(feature));
    Rows mask = Bands.convolved(conv2, Bands.mapped(hidden, Silu::of));
    return bands.store(Bands.mapped(mask, this::activated));
  }

  private Tensor activated(Tensor mask) {
    return switch (config.activation()) {
      case SILU -> Silu.of(mask);
      case SIGMOID -> Sigmoid.of(mask);
    };
  }
}
