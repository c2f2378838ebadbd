package dev.viridian.matting.evaluate;

import dev.viridian.engine.Device;
import dev.viridian.matting.greenpost.KMeans;
import java.util.Comparator;

/** Figures of single pictures: RGB in 0…1, three values a pixel; alpha in 0…1. Stateless. */
final class Measures {
  private static final int CLUSTERS = 5;

  private Measures() {}

  /** The mean squared difference. */
  static double squaredError(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      double d = a[i] - b[i];
      sum += d * d;
    }
    return sum / a.length;
  }

  /** Decibels below the largest difference that there can be. */
  static double psnr(double squaredError) {
    return -10 * Math.log10(squaredError);
  }

  /** The mean difference without its sign. */
  static double absoluteError(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += Math.abs(a[i] - b[i]);
    }
    return sum / a.length;
  }

  /**
   * Alpha by the difference of colours: none where the picture is as green as the canvas, all where
   * it is no greener than red or blue. {@code 1 − (g − max(r, b))}, clamped.
   */
  static float[] colourKey(float[] rgb) {
    float[] alpha = new float[rgb.length / 3];
    for (int i = 0; i < alpha.length; i++) {
      float green = rgb[3 * i + 1] - Math.max(rgb[3 * i], rgb[3 * i + 2]);
      alpha[i] = 1 - Math.clamp(green, 0f, 1f);
    }
    return alpha;
  }

  /**
   * The paper's GSG: the distance, in 0…255, of the centre of the largest of five clusters of
   * colours from the canvas's.
   */
  static double green(Device device, float[] rgb) {
    float[] points = new float[rgb.length];
    for (int i = 0; i < points.length; i++) {
      points[i] = 255 * rgb[i];
    }
    float[] centre =
        KMeans.of(CLUSTERS).fit(device, points, 3, 0).clusters().stream()
            .max(Comparator.comparingLong(KMeans.Cluster::count))
            .orElseThrow()
            .centre();
    return Math.sqrt(
        centre[0] * centre[0] + (centre[1] - 255) * (centre[1] - 255) + centre[2] * centre[2]);
  }

  /** A square picture made smaller by a whole factor, by means of areas. */
  static float[] shrunk(float[] rgb, int side, int to) {
    int f = side / to;
    if (f * to != side) {
      throw new IllegalArgumentException("a side of " + side + " to one of " + to);
    }
    float[] out = new float[to * to * 3];
    for (int y = 0; y < side; y++) {
      for (int x = 0; x < side; x++) {
        for (int c = 0; c < 3; c++) {
          out[((y / f) * to + x / f) * 3 + c] += rgb[(y * side + x) * 3 + c] / (f * f);
        }
      }
    }
    return out;
  }
}
