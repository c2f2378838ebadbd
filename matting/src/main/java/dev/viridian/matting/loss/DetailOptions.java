package dev.viridian.matting.loss;

import org.jspecify.annotations.Nullable;

/**
 * How L_detail reads the paper.
 *
 * @param space where edges are looked for (A11)
 * @param absolute whether the two Sobel responses are taken absolute before they are added (A11)
 * @param squared whether differences are squared, not absolute (A10)
 * @param weightSnr whether a sample counts ᾱ = SNR / (1 + SNR) (A9)
 * @param below only timesteps below this count, still divided by the whole batch; null for all (A9)
 * @param clamp ẑ₀ is clamped to ± this first; null for no clamp (A9)
 * @param band half width of the band along the mask's edge that takes the mask's place, in pixels
 *     of the map; 0 for the mask itself (A12)
 */
public record DetailOptions(
    Space space,
    boolean absolute,
    boolean squared,
    boolean weightSnr,
    @Nullable Integer below,
    @Nullable Double clamp,
    int band) {
  /** Latents, signed responses, absolute differences, all times alike, the whole mask. */
  public static final DetailOptions DEFAULT =
      new DetailOptions(Space.LATENT, false, false, false, null, null, 0);

  /** What the edges are those of. */
  public enum Space {
    /** Each channel of the latents. */
    LATENT,
    /** The luma of the decoded estimate, against that of the decoded clean latents. */
    PIXEL,
    /** The luma of the decoded estimate, against that of the training picture. */
    PIXEL_TARGET_IMAGE
  }
}
