package dev.viridian.matting.loss;

/**
 * How L_latent, the matting head's loss, reads the paper.
 *
 * @param dice what of the mask the Dice part sees (A13)
 * @param minimum whether the common part is Σ min(p, M), not Σ p M (A19)
 * @param mean whether the head sees the mean of the latents' distribution, not a sample
 * @param estimateBelow samples with a timestep below this show the head the decoded estimate ẑ₀,
 *     whose gradient reaches the UNet; 0 for none (A15)
 */
public record MattingOptions(Dice dice, boolean minimum, boolean mean, int estimateBelow) {
  /** Dice on max(mask, 0) with products, a sample of the clean latents. */
  public static final MattingOptions DEFAULT = new MattingOptions(Dice.ABOVE_ZERO, false, false, 0);

  /** The range of the mask in the Dice part. */
  public enum Dice {
    /** max(mask, 0). */
    ABOVE_ZERO,
    /** The mask as it is. */
    RAW,
    /** Clamped to 0…1. */
    UNIT
  }
}
