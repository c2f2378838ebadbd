package dev.viridian.matting.loss;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.Add;
import dev.viridian.engine.ops.Affine;
import dev.viridian.engine.ops.Exp;
import dev.viridian.engine.ops.L1Loss;
import dev.viridian.engine.ops.LinearCombination;
import dev.viridian.engine.ops.PowScalar;
import dev.viridian.engine.ops.Reduction;
import dev.viridian.engine.ops.Sub;
import dev.viridian.engine.ops.Sum;

/**
 * The autoencoder's loss: {@code l1 + weight · kl}, with l1 = mean(|D(z) − x|) for z = mean +
 * exp(logvar / 2) · noise, and kl the mean over the batch of {@code ½ Σ (mean² + exp(logvar) − 1 −
 * logvar)}.
 */
public final class AutoencoderLoss {
  /** What the KL part counts. */
  public static final double KL_WEIGHT = 1e-6;

  private AutoencoderLoss() {}

  /**
   * The parts.
   *
   * @param latents z, unscaled
   * @param total l1 + weight · kl
   */
  public record Parts(
      Autoencoder.Distribution distribution,
      Tensor latents,
      Tensor reconstruction,
      Tensor l1,
      Tensor kl,
      Tensor total) {}

  /**
   * The loss.
   *
   * @param pictures x, [b, H, W, 3] in −1…1
   * @param noise normal, [b, H/8, W/8, c]
   */
  public static Parts of(Autoencoder autoencoder, Tensor pictures, Tensor noise, double klWeight) {
    try (MemoryScope scope = MemoryScope.open()) {
      Autoencoder.Distribution d = autoencoder.encode(pictures, LayerObserver.NONE);
      Tensor z = scope.keep(d.sample(noise));
      Tensor picture = autoencoder.decodeUnscaled(z, false, LayerObserver.NONE).picture();
      Tensor l1 = scope.keep(L1Loss.of(picture, pictures, Reduction.MEAN));
      Tensor terms =
          Sub.of(
              Add.of(PowScalar.of(d.mean(), 2), Exp.of(d.logVariance())),
              Affine.of(d.logVariance(), 1, 1));
      Tensor kl = scope.keep(Affine.of(Sum.of(terms), 0.5f / pictures.size(0), 0));
      Tensor total = LinearCombination.of(new double[] {1, klWeight}, l1, kl);
      scope.keep(d.mean());
      scope.keep(d.logVariance());
      return new Parts(d, z, scope.keep(picture), l1, kl, scope.keep(total));
    }
  }
}
