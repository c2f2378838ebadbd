package dev.viridian.matting.data.procedural;

/** Curves in space, x, y, z, x, y, z, …. Stateless and thread-safe. */
final class Outline3 {
  private Outline3() {}

  /** A smooth curve (Catmull-Rom) through points, six pieces between two of them. */
  static double[] curve(double... points) {
    return curve(points, 6);
  }

  /** The same with so many pieces. */
  static double[] curve(double[] points, int pieces) {
    int n = points.length / 3;
    int count = (n - 1) * pieces + 1;
    double[] out = new double[3 * count];
    for (int i = 0; i < count; i++) {
      int k = Math.min(i / pieces, n - 2);
      double t = (double) (i - k * pieces) / pieces;
      for (int d = 0; d < 3; d++) {
        double a = points[3 * Math.max(0, k - 1) + d];
        double b = points[3 * k + d];
        double c = points[3 * k + 3 + d];
        double e = points[3 * Math.min(n - 1, k + 2) + d];
        out[3 * i + d] =
            b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - e + t * (3 * (b - c) + e - a)));
      }
    }
    return out;
  }

  /** A place along a curve, at t in 0…1. */
  @FunctionalInterface
  interface Along {
    void at(double t, double[] place);
  }

  /** A curve by formula, of so many pieces. */
  static double[] of(int pieces, Along along) {
    double[] out = new double[3 * (pieces + 1)];
    double[] p = new double[3];
    for (int i = 0; i <= pieces; i++) {
      along.at((double) i / pieces, p);
      System.arraycopy(p, 0, out, 3 * i, 3);
    }
    return out;
  }
}
