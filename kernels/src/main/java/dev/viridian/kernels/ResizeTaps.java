package dev.viridian.kernels;

import dev.viridian.kernels.ResampleKernels.Mode;
import dev.viridian.kernels.ResampleKernels.Resize;
import java.util.Arrays;

/**
 * One axis of a resize as a sparse matrix. Every mode is separable: {@code y[i, j] = Σ_a Σ_b
 * weightH(i, a) · weightW(j, b) · x[indexH(i, a), indexW(j, b)]}, and its gradient is the
 * transposed map. Tap a of output i lies at {@code [i · width + a]}; outputs with fewer taps than
 * the widest are filled up with weight 0 at a valid index.
 *
 * @param width taps per output
 * @param index of the source pixel, int [out · width]
 * @param weight double [out · width]
 */
public record ResizeTaps(int width, int[] index, double[] weight) {
  /** The rows of a resize. */
  public static ResizeTaps rows(Resize p) {
    return of(p.mode(), p.h(), p.outH(), p.scaleH(), p.alignCorners(), p.antialias());
  }

  /** The columns of a resize. */
  public static ResizeTaps columns(Resize p) {
    return of(p.mode(), p.w(), p.outW(), p.scaleW(), p.alignCorners(), p.antialias());
  }

  /**
   * Taps of one axis.
   *
   * @param scale source pixels per output pixel; not used with aligned corners and by AREA
   */
  static ResizeTaps of(
      Mode mode, int in, int out, double scale, boolean alignCorners, boolean antialias) {
    double step = alignCorners ? (out > 1 ? (in - 1.0) / (out - 1) : 0) : scale;
    return switch (mode) {
      case NEAREST, NEAREST_EXACT -> nearest(in, out, (float) scale, mode == Mode.NEAREST_EXACT);
      case BILINEAR ->
          antialias ? antialiased(in, out, step, 1) : linear(in, out, step, alignCorners);
      case BICUBIC ->
          antialias ? antialiased(in, out, step, 2) : cubic(in, out, step, alignCorners);
      case AREA -> area(in, out);
    };
  }

  private static ResizeTaps empty(int out, int width) {
    return new ResizeTaps(width, new int[out * width], new double[out * width]);
  }

  /**
   * PyTorch finds these indices in binary32, whatever the type of the map, and for NEAREST
   * disregards a scale that comes to the same size or to exactly twice the size.
   */
  private static ResizeTaps nearest(int in, int out, float scale, boolean exact) {
    ResizeTaps taps = empty(out, 1);
    for (int i = 0; i < out; i++) {
      float source = exact ? (i + 0.5f) * scale : i * scale;
      taps.index[i] = Math.min((int) source, in - 1);
      if (!exact && (out == in || out == 2 * in)) {
        taps.index[i] = i / (out / in);
      }
      taps.weight[i] = 1;
    }
    return taps;
  }

  private static ResizeTaps linear(int in, int out, double step, boolean alignCorners) {
    ResizeTaps taps = empty(out, 2);
    for (int i = 0; i < out; i++) {
      double source = alignCorners ? i * step : Math.max(0, (i + 0.5) * step - 0.5);
      int first = Math.min((int) source, in - 1);
      double t = Math.clamp(source - first, 0.0, 1.0);
      taps.index[2 * i] = first;
      taps.index[2 * i + 1] = Math.min(first + 1, in - 1);
      taps.weight[2 * i] = 1 - t;
      taps.weight[2 * i + 1] = t;
    }
    return taps;
  }

  private static ResizeTaps cubic(int in, int out, double step, boolean alignCorners) {
    ResizeTaps taps = empty(out, 4);
    for (int i = 0; i < out; i++) {
      double source = alignCorners ? i * step : (i + 0.5) * step - 0.5;
      int first = (int) Math.floor(source);
      for (int a = 0; a < 4; a++) {
        taps.index[4 * i + a] = Math.clamp(first - 1 + a, 0, in - 1);
        taps.weight[4 * i + a] = cubicFilter(source - (first - 1 + a), -0.75);
      }
    }
    return taps;
  }

  /** Keys' cubic convolution filter at distance x. */
  private static double cubicFilter(double x, double a) {
    double d = Math.abs(x);
    if (d <= 1) {
      return ((a + 2) * d - (a + 3)) * d * d + 1;
    }
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
  }

  /** As Pillow: the filter is stretched when shrinking, and cut and normalised at the borders. */
  private static ResizeTaps antialiased(int in, int out, double step, int radius) {
    double stretch = Math.max(step, 1);
    double support = radius * stretch;
    ResizeTaps taps = empty(out, (int) Math.ceil(support) * 2 + 1);
    for (int i = 0; i < out; i++) {
      double centre = step * (i + 0.5);
      int from = Math.max((int) (centre - support + 0.5), 0);
      int to = Math.min((int) (centre + support + 0.5), in);
      int at = i * taps.width;
      double sum = 0;
      for (int j = from; j < to; j++) {
        double x = (j - centre + 0.5) / stretch;
        double weight = radius == 1 ? Math.max(0, 1 - Math.abs(x)) : cubicFilter(x, -0.5);
        taps.index[at + j - from] = j;
        taps.weight[at + j - from] = weight;
        sum += weight;
      }
      for (int j = 0; j < taps.width; j++) {
        taps.weight[at + j] /= sum;
      }
      Arrays.fill(taps.index, at + to - from, at + taps.width, Math.min(from, in - 1));
    }
    return taps;
  }

  private static ResizeTaps area(int in, int out) {
    int width = 0;
    for (int i = 0; i < out; i++) {
      width = Math.max(width, areaEnd(in, out, i) - areaStart(in, out, i));
    }
    ResizeTaps taps = empty(out, width);
    for (int i = 0; i < out; i++) {
      int from = areaStart(in, out, i);
      int count = areaEnd(in, out, i) - from;
      for (int a = 0; a < width; a++) {
        taps.index[i * width + a] = a < count ? from + a : from;
        taps.weight[i * width + a] = a < count ? 1.0 / count : 0;
      }
    }
    return taps;
  }

  private static int areaStart(int in, int out, int i) {
    return (int) ((long) i * in / out);
  }

  private static int areaEnd(int in, int out, int i) {
    return (int) (((i + 1L) * in + out - 1) / out);
  }
}
