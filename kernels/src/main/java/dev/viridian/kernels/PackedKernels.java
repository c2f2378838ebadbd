package dev.viridian.kernels;

import dev.viridian.kernels.memory.Buffer;
import org.jspecify.annotations.Nullable;

/**
 * Products with weights that are packed once ({@link PackedWeight} says how they lie) and then read
 * by any number of threads, most of them in lower precision ({@link Precision}); forward only.
 *
 * <p>Activations as bytes: with {@code lo = min(0, least)}, {@code hi = max(0, greatest)} of a row
 * (of a picture, where a convolution sees neighbours) and {@code scale = max(hi − lo, 1e-20) /
 * 255}, x becomes {@code round(x · (1 / scale)) + zero}, at most 255, with {@code zero = round(−lo
 * · (1 / scale))}; ties to even. A row or picture with a value that is not finite gives NaN. A
 * weight becomes {@code round(w · (127 / greatest))}, greatest being the greatest absolute value of
 * its output channel.
 *
 * <p>As bfloat16, numbers below 2⁻¹²⁶ may count as 0.
 */
public interface PackedKernels {
  /**
   * Whether products of a precision by packed weights are to be had on this device in good time; of
   * F32, whether they are faster than by weights as they lie.
   */
  boolean offers(Precision precision);

  /**
   * Packs a weight.
   *
   * @param type F32, F16 or BF16
   * @param weight [out, taps, channels]
   * @param packed of {@link PackedWeight#bytes}
   */
  void pack(PackedWeight w, DType type, Buffer weight, Buffer packed);

  /**
   * Packs a linear layer's weight that lies turned.
   *
   * @param w with one tap, BF16
   * @param weight [channels, out] F32
   * @param packed of {@link PackedWeight#bytes}
   */
  void packTurned(PackedWeight w, Buffer weight, Buffer packed);

  /**
   * What a weight lost when it was packed as bytes: the part of a result that is error, root mean
   * square, if all input channels have an equal share in it. Of each input channel the squares of
   * {@code w − factor · byte} over those of w, of all outputs and taps; the root of their mean over
   * the channels that have numbers other than 0. Numbers without outliers lose 0.004 to 0.01. An
   * outlier costs its output channel's other numbers digits, and an input channel whose numbers are
   * far smaller than the others', as they are where activations are large, loses its own.
   *
   * @param w INT8
   * @param weight what was packed, of {@code type}
   * @return NaN if a number is not finite; the same on any number of threads
   */
  double lost(PackedWeight w, DType type, Buffer weight, Buffer packed);

  /**
   * {@code y = x Wᵀ + bias}.
   *
   * @param w with one tap
   * @param x [rows, channels] F32
   * @param bias [out] of {@code biasType}, or null
   * @param y [rows, out] F32; must not overlap the inputs
   */
  void product(
      PackedWeight w,
      int rows,
      Buffer x,
      Buffer packed,
      DType biasType,
      @Nullable Buffer bias,
      Buffer y);

  /**
   * {@code y = conv(x, weight) + bias}, activation last.
   *
   * @param p without groups; its type of weight does not matter
   * @param w with its taps and channels, not F32
   */
  void convolve(
      ConvProblem p, PackedWeight w, Buffer x, Buffer packed, @Nullable Buffer bias, Buffer y);

  /** Whether something is joined to a product in good time. */
  default boolean joins(PackedJoin p) {
    return false;
  }

  /**
   * A product and what goes with it.
   *
   * @param x [n, h, w, c]
   * @param bias [out] of the problem's type, or null
   * @param onto [rows, out] F32 if the product is {@link PackedJoin.Kind#ONTO}, else null
   * @param y [rows, columns], a multiple of 64 bytes in memory; must not overlap the inputs
   */
  default void joined(
      PackedJoin p,
      Buffer x,
      Buffer packed,
      @Nullable Buffer bias,
      @Nullable Buffer onto,
      Buffer y) {
    throw new UnsupportedOperationException("this device joins nothing to " + p.weight());
  }
}
