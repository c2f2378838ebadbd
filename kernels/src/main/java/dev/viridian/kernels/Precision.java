package dev.viridian.kernels;

import java.util.Locale;

/**
 * What a product of activations with a weight is computed in. Activations stay F32 in memory, and
 * so do bias and result; sums are F32 (whole numbers for {@link #INT8}).
 */
public enum Precision {
  /** As weights and activations are. */
  F32,
  /** Both factors rounded to bfloat16. */
  BF16,
  /**
   * Both factors as bytes: weights symmetric with a scale for each output channel, activations with
   * a scale and a zero point for each row, or each picture of a convolution larger than 1×1.
   */
  INT8;

  /** The name on the command line, such as {@code "bf16"}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
