package dev.viridian.kernels;

import dev.viridian.kernels.memory.Buffer;
import org.jspecify.annotations.Nullable;

/**
 * Resizing and pooling of channels-last F32 maps [n, h, w, c] → [n, outH, outW, c]. Written. {@link
 * ResizeTaps} has the source pixels and weights of every resize.
 */
public interface ResampleKernels {
  /** How values between the pixels are found. */
  enum Mode {
    /** Source index floor(i · scale) in binary32; i to the same size, i / 2 to twice the size. */
    NEAREST,
    /** Source index floor((i + 0.5) · scale) in binary32. */
    NEAREST_EXACT,
    /** Two taps a side (triangle filter when antialiased). */
    BILINEAR,
    /** Four taps a side, a = −0.75 (−0.5 when antialiased). */
    BICUBIC,
    /** Mean of the cells floor(i·in/out) to ceil((i+1)·in/out): adaptive average pooling. */
    AREA
  }

  /**
   * A resize.
   *
   * @param scaleH source pixels per output pixel for the index formula: in/out, or 1/scale where a
   *     scale factor was given
   */
  record Resize(
      int n,
      int h,
      int w,
      int c,
      int outH,
      int outW,
      Mode mode,
      double scaleH,
      double scaleW,
      boolean alignCorners,
      boolean antialias) {
    /** Checks sizes. */
    public Resize {
      Check.notNegative("Resize", "n", n);
      Check.positive("Resize", "h", h);
      Check.positive("Resize", "w", w);
      Check.positive("Resize", "c", c);
      Check.positive("Resize", "outH", outH);
      Check.positive("Resize", "outW", outW);
      Check.that(scaleH > 0 && scaleW > 0, "Resize", "scales must be positive");
    }

    /** To a size: scale = in/out. */
    public static Resize toSize(int n, int h, int w, int c, int outH, int outW, Mode mode) {
      return new Resize(
          n, h, w, c, outH, outW, mode, (double) h / outH, (double) w / outW, false, false);
    }
  }

  /** A pooling window; windows beyond the padded map (ceil mode) are cut. */
  record Pool(int n, int h, int w, int c, int outH, int outW, int kernel, int stride, int padding) {
    /** Checks sizes. */
    public Pool {
      Check.notNegative("Pool", "n", n);
      Check.positive("Pool", "h", h);
      Check.positive("Pool", "w", w);
      Check.positive("Pool", "c", c);
      Check.positive("Pool", "outH", outH);
      Check.positive("Pool", "outW", outW);
      Check.positive("Pool", "kernel", kernel);
      Check.positive("Pool", "stride", stride);
      Check.notNegative("Pool", "padding", padding);
    }
  }

  /** {@code y =} x resized. */
  void resize(Resize p, Buffer x, Buffer y);

  /** {@code dx =} the transposed map applied to dy. */
  void resizeBackward(Resize p, Buffer dy, Buffer dx);

  /**
   * The largest of each window, the first in row order; padding counts as −∞.
   *
   * @param index I64 [n, outH, outW, c]: {@code row · w + column} in the map; null if not wanted
   */
  void maxPool(Pool p, Buffer x, Buffer y, @Nullable Buffer index);

  /** {@code dx =} dy scattered to where {@code index} says (sums where windows share a pixel). */
  void maxPoolBackward(Pool p, Buffer index, Buffer dy, Buffer dx);

  /**
   * The mean of each window.
   *
   * @param countPadding whether padding counts in the divisor (what lies beyond the padding in ceil
   *     mode never does)
   */
  void averagePool(Pool p, boolean countPadding, Buffer x, Buffer y);

  /** Gradient of {@link #averagePool}. */
  void averagePoolBackward(Pool p, boolean countPadding, Buffer dy, Buffer dx);
}
