package dev.viridian.matting.train;

import dev.viridian.engine.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What a step learns from. Maps are channels-last.
 *
 * @param pictures [b, H, W, 3] in −1…1; null where only latents are at hand
 * @param mask [b, H, W, 1] in 0…1: the objects' alpha
 * @param mean of the latents' distribution, unscaled, [b, h, w, c]
 * @param logVariance likewise
 * @param posteriorNoise what makes a sample of that distribution
 * @param noise what the UNet is to find
 * @param timesteps t of each row
 * @param ids tokens of each row's caption, [b][77]
 * @param greenPositions where "green" stands in each row; none in rows that L_g leaves out
 */
public record Batch(
    @Nullable Tensor pictures,
    @Nullable Tensor mask,
    Tensor mean,
    Tensor logVariance,
    Tensor posteriorNoise,
    Tensor noise,
    int[] timesteps,
    long[][] ids,
    int[][] greenPositions) {
  /** How many rows. */
  public int size() {
    return timesteps.length;
  }

  /** The mask, which the losses asked for. */
  Tensor requiredMask() {
    if (mask == null) {
      throw new IllegalStateException("the losses need masks, the batch has none");
    }
    return mask;
  }
}
