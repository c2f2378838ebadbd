package dev.viridian.kernels;

import org.jspecify.annotations.Nullable;

/**
 * A convolution, or a product of rows, by a packed weight in bfloat16, and what goes before and
 * after it, in one pass: what lies between is neither written nor read.
 *
 * @param conv with its bias or without one, without groups and without an activation; its type of
 *     weight does not matter
 * @param x F32, or BF16: rounded before as the product would have done it
 * @param kind what becomes of its result
 */
public record PackedJoin(ConvProblem conv, PackedWeight weight, DType x, Kind kind) {
  /** What becomes of a result. */
  public enum Kind {
    /**
     * The first half of its columns times gelu of the second half, as BF16 [rows, out / 2]: for a
     * product in bfloat16, which would round it in the same way.
     */
    GATED,
    /** Plus F32 numbers [rows, out]; F32. */
    ONTO,
    /** F32 as it is: of a BF16 map, since of F32 it is nothing but a convolution. */
    PLAIN;

    /** The result's type. */
    public DType type() {
      return this == GATED ? DType.BF16 : DType.F32;
    }
  }

  /** Checks. */
  public PackedJoin {
    boolean taken =
        weight.precision() == Precision.BF16
            && conv.activation() == Activation.NONE
            && conv.groups() == 1
            && conv.c() == weight.channels()
            && conv.outC() == weight.out()
            && conv.kh() * conv.kw() == weight.taps()
            && (x == DType.F32 || x == DType.BF16)
            && (kind != Kind.GATED || weight.out() % 2 == 0);
    if (!taken) {
      throw new IllegalArgumentException(
          "PackedJoin: not taken: " + conv + " by " + weight + " of " + x + ", " + kind);
    }
  }

  /**
   * A product of rows.
   *
   * @param bias type of its bias; null if it has none
   */
  public static PackedJoin ofRows(
      int rows, PackedWeight weight, DType x, @Nullable DType bias, Kind kind) {
    ConvProblem conv =
        ConvProblem.of(1, rows, 1, weight.channels(), weight.out(), 1, 1, 0)
            .epilogue(bias != null, bias == null ? DType.F32 : bias, Activation.NONE);
    return new PackedJoin(conv, weight, x, kind);
  }

  /** Numbers of x. */
  public long inputs() {
    long pixels = Math.multiplyExact(Math.multiplyExact((long) conv.n(), conv.h()), conv.w());
    return Math.multiplyExact(pixels, conv.c());
  }

  /** Rows of the result: its pixels. */
  public long rows() {
    return Math.multiplyExact(Math.multiplyExact((long) conv.n(), conv.outH()), conv.outW());
  }

  /** Columns of the result. */
  public int columns() {
    return kind == Kind.GATED ? weight.out() / 2 : weight.out();
  }
}
