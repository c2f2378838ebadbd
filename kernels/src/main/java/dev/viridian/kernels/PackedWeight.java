package dev.viridian.kernels;

/**
 * A weight [out, taps, channels] in the type and order that products read it in that was packed
 * with its model, most of them of lower precision. One form serves every implementation, vectors
 * and tiles alike.
 *
 * <p>Panels of {@link #PANEL} output channels, the last filled up with zeros. In a panel one row
 * after the other, each 32 words of 32 bits, one an output channel: 2 bfloat16 or 4 signed bytes of
 * its values along K. K runs tap by tap over {@link #tapLength} values, zeros behind the channels.
 *
 * <p>For bytes there follow, for each output channel of all panels, the factor of its values
 * (float), and their sum (32-bit integer): what a zero point other than 0 adds to a product.
 *
 * <p>F32 (one tap, K a multiple of {@link #CHUNK}) spares turning a weight in every product, and
 * serves processors where two additions cost less than a multiplication: {@code x₁y₁ + x₂y₂ = (x₁ +
 * y₂)(x₂ + y₁) − x₁x₂ − y₁y₂}. A panel has its values, rows of 32, in pieces of K of equal length,
 * up to {@link #PIECE} values; a piece in parts of equal length, up to {@link #PART}. What a
 * channel has in a part is divided by a power of two, that of its greatest absolute value (0 where
 * that is below 2⁻¹²⁶). Behind a piece's values follow 32 floats twice for each of its parts: minus
 * the sum of {@code y₁y₂} over its {@link #paired pairs}, and those powers. Where a piece of a
 * panel has a value that is not finite or is 2⁶⁰ or more, its powers are 1 and its sums are NaN: it
 * is nothing for pairs. Where pairs do not gain that holds of all pieces.
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

  /** F32: values of K that are multiplied together; K is a multiple. */
  public static final int CHUNK = 16;

  /** F32: most values of a piece of K. */
  public static final int PIECE = 384;

  /** F32: most values of a part. */
  public static final int PART = 80;

  /** F32: from here on a value is nothing for pairs. */
  public static final float LIMIT = 0x1p60f;

  private static final String NAME = "PackedWeight";

  /** Checks sizes. */
  public PackedWeight {
    Check.positive(NAME, "out", out);
    Check.positive(NAME, "taps", taps);
    Check.positive(NAME, "channels", channels);
    Check.that(taps * (channels + 3L) <= LONGEST, NAME, "K is longer than " + LONGEST);
    Check.that(
        precision != Precision.F32 || taps == 1 && channels % CHUNK == 0,
        NAME,
        "F32 weights are packed with one tap and a multiple of " + CHUNK + " channels");
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
    return switch (precision) {
      case F32 -> 4;
      case BF16 -> 2;
      case INT8 -> 1;
    };
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
    long values = 4L * PANEL * (depth() / group());
    return precision == Precision.F32 ? values + numberBytes(depth()) : values;
  }

  /** F32: values of every piece of K but the last. */
  public int pieceLength() {
    int chunks = channels / CHUNK;
    return CHUNK * Math.ceilDiv(chunks, Math.ceilDiv(chunks, PIECE / CHUNK));
  }

  /** F32: values of the piece that a value of K is in. */
  public int pieceLength(int k) {
    return Math.min(pieceLength(), channels - k / pieceLength() * pieceLength());
  }

  /** F32: values of every part but the last of a piece of so many values. */
  public static int partLength(int piece) {
    int chunks = piece / CHUNK;
    return CHUNK * Math.ceilDiv(chunks, Math.ceilDiv(chunks, PART / CHUNK));
  }

  /** F32: whether a value of K and the next are a pair. */
  public static boolean paired(int k) {
    int value = k % CHUNK;
    return value % 2 == 0 && value % 6 < 4 && value < CHUNK - 2;
  }

  /** F32: bytes of the numbers of the first values of K, whole pieces. */
  private long numberBytes(int k) {
    int whole = k / pieceLength() * pieceLength();
    long parts = (long) (whole / pieceLength()) * parts(pieceLength());
    return 2L * 4 * PANEL * (whole < k ? parts + parts(k - whole) : parts);
  }

  private static int parts(int piece) {
    return Math.ceilDiv(piece, partLength(piece));
  }

  /** F32: byte of the sums of the part that a value of K is in; 32 floats behind are its powers. */
  public long numbersAt(int panel, int k) {
    int inPiece = k % pieceLength();
    int part = inPiece / partLength(pieceLength(k));
    return at(panel * PANEL, k - inPiece) + 4L * PANEL * (pieceLength(k) + 2L * part);
  }

  /** Byte where a value lies. */
  public long at(int column, int k) {
    long numbers = precision == Precision.F32 ? numberBytes(k / pieceLength() * pieceLength()) : 0;
    return column / PANEL * panelBytes()
        + numbers
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
