package dev.viridian.matting.loss;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.diffusion.weights.MattingHeadConfig;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.Add;
import dev.viridian.engine.ops.Clamp;
import dev.viridian.engine.ops.DiceLoss;
import dev.viridian.engine.ops.L1Loss;
import dev.viridian.engine.ops.Reduction;
import dev.viridian.engine.ops.Relu;
import dev.viridian.engine.ops.Where;
import dev.viridian.matting.head.MattingHead;

/**
 * L_latent: the head's mask of decoded latents is to be the object's: {@code mean(|Mc − M|)} plus
 * the Dice loss of max(Mc, 0).
 */
public final class MattingLoss {
  private static final float EPS = 1e-6f;

  private MattingLoss() {}

  /**
   * The parts.
   *
   * @param total l1 + dice
   */
  public record Parts(Tensor mask, Tensor l1, Tensor dice, Tensor total) {}

  /**
   * The latents that the head is shown.
   *
   * @param mean the scaled mean of the latents' distribution
   */
  public static Tensor latents(MattingOptions options, Denoised d, Tensor mean) {
    Tensor clean = options.mean() ? mean : d.clean();
    if (options.estimateBelow() == 0) {
      return clean;
    }
    try (MemoryScope scope = MemoryScope.open()) {
      int[] below = new int[d.timesteps().length];
      for (int i = 0; i < below.length; i++) {
        below[i] = d.timesteps()[i] < options.estimateBelow() ? 1 : 0;
      }
      Tensor condition = Tensors.of(clean.device(), below, below.length, 1, 1, 1);
      return scope.keep(Where.of(condition, d.cleanEstimate(), clean));
    }
  }

  /** The feature that a head reads of latents in the UNet's scale. */
  public static Tensor feature(Autoencoder autoencoder, MattingHead head, Tensor latents) {
    try (MemoryScope scope = MemoryScope.open()) {
      boolean raw = head.config().feature() == MattingHeadConfig.Feature.UP_BLOCK;
      return scope.keep(autoencoder.decode(latents, raw, LayerObserver.NONE).feature());
    }
  }

  /**
   * The loss.
   *
   * @param feature [b, H, W, c]
   * @param mask M, [b, H, W, 1] in 0…1
   */
  public static Parts of(MattingOptions options, MattingHead head, Tensor feature, Tensor mask) {
    return of(options, head.forward(feature), mask);
  }

  /** The loss of a head's output Mc. */
  public static Parts of(MattingOptions options, Tensor mc, Tensor mask) {
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor p =
          switch (options.dice()) {
            case ABOVE_ZERO -> Relu.of(mc);
            case RAW -> mc;
            case UNIT -> Clamp.of(mc, 0, 1);
          };
      Tensor l1 = scope.keep(L1Loss.of(mc, mask, Reduction.MEAN));
      Tensor dice =
          scope.keep(
              DiceLoss.of(
                  p,
                  mask,
                  options.minimum() ? DiceLoss.Intersection.MINIMUM : DiceLoss.Intersection.PRODUCT,
                  EPS));
      return new Parts(mc, l1, dice, scope.keep(Add.of(l1, dice)));
    }
  }
}
