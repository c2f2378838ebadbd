package dev.viridian.kernels;

/**
 * A weight [out, taps, channels] in the type and order that products of lower precision read it in.
 * One form serves every implementation, vectors and tiles alike.
 *
 * <p>Panels of {@link #PANEL} output channels, the last filled up with zeros. In a panel one row
 * after the other, each 32 words of 32 bits, one an output channel: 2 bfloat16 or 4 signed bytes of
 * its values along K. K runs tap by tap over {@link #tapLength} values, zeros behind the channels.
 *
 * <p>For bytes there follow, for each output channel of all panels, the factor of its values
 * (float), and their sum (32-bit integer): what a zero point other than 0 adds to a product.
 *
 * @param out output channels, 1 or more
 * @param taps places of a convolution's kernel, row by row; 1 for a linear layer
 * @param channels input channels, 1 or more
 */
public record PackedWeight(Precision precision, int out, int taps, int channels) {
  /** Output channels in a panel. */
  public static final int PANEL = 32;

  /** Longest K: sums of bytes then fit 32 bits, zero point included. */
  public static final int LONGEST = 1 << 16;

  private static final String NAME = "PackedWeight";

  /** Checks sizes. */
  public PackedWeight {
    Check.that(precision != Precision.F32, NAME, "F32 weights are not packed");
    Check.positive(NAME, "out", out);
    Check.positive(NAME, "taps", taps);
    Check.positive(NAME, "channels", channels);
    Check.that((long) taps * (channels + 3) <= LONGEST, NAME, "K is longer than " + LONGEST);
  }

  /**
   * Refuses what {@link PackedKernels#packTurned} does not take.
   *
   * @throws IllegalArgumentException naming it
   */
  public void requireTurnable() {
    Check.that(precision == Precision.BF16 && taps == 1, NAME, this + " cannot be packed turned");
  }

  /**
   * Refuses what {@link PackedKernels#lost} does not take.
   *
   * @throws IllegalArgumentException naming it
   */
  public void requireBytes() {
    Check.that(precision == Precision.INT8, NAME, this + " is not of bytes");
  }

  /** Bytes of a value. */
  public int valueBytes() {
    return precision == Precision.BF16 ? 2 : 1;
  }

  /** Values in 32 bits. */
  public int group() {
    return 4 / valueBytes();
  }

  /** Values of a tap: the channels, filled up to whole groups. */
  public int tapLength() {
    return Math.ceilDiv(channels, group()) * group();
  }

  /** Values of K. */
  public int depth() {
    return taps * tapLength();
  }

  /** Panels. */
  public int panels() {
    return Math.ceilDiv(out, PANEL);
  }

  /** Bytes of a panel. */
  public long panelBytes() {
    return 4L * PANEL * (depth() / group());
  }

  /** Byte where a value lies. */
  public long at(int column, int k) {
    return column / PANEL * panelBytes()
        + 4L * PANEL * (k / group())
        + 4L * (column % PANEL)
        + (long) (k % group()) * valueBytes();
  }

  /** Byte where the factors begin; bytes only. */
  public long scalesAt() {
    return panels() * panelBytes();
  }

  /** Byte where the sums begin; bytes only. */
  public long sumsAt() {
    return scalesAt() + 4L * PANEL * panels();
  }

  /** Bytes of all. */
  public long bytes() {
    return precision == Precision.INT8 ? sumsAt() + 4L * PANEL * panels() : scalesAt();
  }
}
