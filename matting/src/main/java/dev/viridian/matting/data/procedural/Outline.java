package dev.viridian.matting.data.procedural;

import java.util.ArrayList;
import java.util.List;

/**
 * Plane figures: closed curves x, y, x, y, … counter-clockwise, and the solids made from them.
 * Stateless and thread-safe.
 */
final class Outline {
  private Outline() {}

  /** A smooth curve (Catmull-Rom) through points, with so many pieces between two of them. */
  static double[] through(double[] points, boolean closed, int pieces) {
    int n = points.length / 2;
    int spans = closed ? n : n - 1;
    int count = spans * pieces + (closed ? 0 : 1);
    double[] out = new double[2 * count];
    for (int i = 0; i < count; i++) {
      int k = Math.min(i / pieces, spans - 1);
      double t = (double) (i - k * pieces) / pieces;
      for (int d = 0; d < 2; d++) {
        double a = points[2 * index(k - 1, n, closed) + d];
        double b = points[2 * index(k, n, closed) + d];
        double c = points[2 * index(k + 1, n, closed) + d];
        double e = points[2 * index(k + 2, n, closed) + d];
        out[2 * i + d] =
            b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - e + t * (3 * (b - c) + e - a)));
      }
    }
    return out;
  }

  private static int index(int i, int n, boolean closed) {
    return closed ? Math.floorMod(i, n) : Math.clamp(i, 0, n - 1);
  }

  /** A smooth closed curve through points. */
  static double[] smooth(double... points) {
    return through(points, true, 6);
  }

  /** A figure and its mirror image: the right half from below to above is given. */
  static double[] mirrored(double... half) {
    int n = half.length / 2;
    List<double[]> all = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      all.add(new double[] {half[2 * i], half[2 * i + 1]});
    }
    for (int i = n - 1; i >= 0; i--) {
      if (half[2 * i] > 1e-9) {
        all.add(new double[] {-half[2 * i], half[2 * i + 1]});
      }
    }
    return flat(all);
  }

  static double[] ellipse(double a, double b, int corners) {
    double[] out = new double[2 * corners];
    for (int i = 0; i < corners; i++) {
      out[2 * i] = a * Trig.cos((double) i / corners);
      out[2 * i + 1] = b * Trig.sin((double) i / corners);
    }
    return out;
  }

  /** A star with so many points, the first of them up. */
  static double[] star(int points, double outer, double inner) {
    double[] out = new double[4 * points];
    for (int i = 0; i < 2 * points; i++) {
      double r = i % 2 == 0 ? outer : inner;
      out[2 * i] = r * Trig.cos(0.25 + 0.5 * i / points);
      out[2 * i + 1] = r * Trig.sin(0.25 + 0.5 * i / points);
    }
    return out;
  }

  private static double[] flat(List<double[]> points) {
    double[] out = new double[2 * points.size()];
    for (int i = 0; i < points.size(); i++) {
      out[2 * i] = points.get(i)[0];
      out[2 * i + 1] = points.get(i)[1];
    }
    return out;
  }

  /** A flat figure in the plane z = 0, facing the viewer. */
  static Mesh sheet(double... outline) {
    Mesh mesh = new Mesh();
    face(mesh, outline, 0, 1);
    return mesh;
  }

  /** A plate of this figure, between −depth/2 and depth/2, its edges cut off by {@code bevel}. */
  static Mesh plate(double depth, double bevel, double... outline) {
    Mesh mesh = new Mesh();
    double z = depth / 2;
    double[] inner = bevel > 0 ? inset(outline, bevel) : outline;
    face(mesh, inner, z, 1);
    face(mesh, inner, -z, -1);
    if (bevel > 0) {
      band(mesh, outline, z - bevel, inner, z, 0.7);
      band(mesh, inner, -z, outline, bevel - z, -0.7);
    }
    band(mesh, outline, bevel - z, outline, z - bevel, 0);
    return mesh;
  }

  /** The wall between a figure at one depth and another in front of it. */
  private static void band(
      Mesh mesh, double[] back, double zBack, double[] front, double zFront, double nz) {
    int n = back.length / 2;
    double flat = Math.sqrt(1 - nz * nz);
    for (int i = 0; i < n; i++) {
      int j = (i + 1) % n;
      double dx = back[2 * j] - back[2 * i];
      double dy = back[2 * j + 1] - back[2 * i + 1];
      double length = Math.max(1e-9, Math.sqrt(dx * dx + dy * dy));
      double nx = flat * dy / length;
      double ny = -flat * dx / length;
      int a = mesh.vertex(back[2 * i], back[2 * i + 1], zBack, nx, ny, nz);
      int b = mesh.vertex(back[2 * j], back[2 * j + 1], zBack, nx, ny, nz);
      int c = mesh.vertex(front[2 * j], front[2 * j + 1], zFront, nx, ny, nz);
      int d = mesh.vertex(front[2 * i], front[2 * i + 1], zFront, nx, ny, nz);
      mesh.quad(a, b, c, d);
    }
  }

  /** Every corner moved inwards. */
  private static double[] inset(double[] outline, double by) {
    int n = outline.length / 2;
    double[] out = new double[outline.length];
    for (int i = 0; i < n; i++) {
      int h = Math.floorMod(i - 1, n);
      int j = (i + 1) % n;
      double[] a = normal(outline, h, i);
      double[] b = normal(outline, i, j);
      double scale = by / Math.max(0.35, 1 + a[0] * b[0] + a[1] * b[1]);
      out[2 * i] = outline[2 * i] - (a[0] + b[0]) * scale;
      out[2 * i + 1] = outline[2 * i + 1] - (a[1] + b[1]) * scale;
    }
    return out;
  }

  private static double[] normal(double[] p, int i, int j) {
    double dx = p[2 * j] - p[2 * i];
    double dy = p[2 * j + 1] - p[2 * i + 1];
    double length = Math.max(1e-9, Math.sqrt(dx * dx + dy * dy));
    return new double[] {dy / length, -dx / length};
  }

  /** Cuts ears off until nothing is left. */
  private static void face(Mesh mesh, double[] p, double z, int side) {
    int first = mesh.vertices;
    List<Integer> left = new ArrayList<>();
    for (int i = 0; i < p.length / 2; i++) {
      mesh.vertex(p[2 * i], p[2 * i + 1], z, 0, 0, side);
      left.add(i);
    }
    int tries = 0;
    for (int i = 0; left.size() > 2 && tries <= left.size(); ) {
      int n = left.size();
      int a = left.get(i % n);
      int b = left.get((i + 1) % n);
      int c = left.get((i + 2) % n);
      if (ear(p, left, a, b, c)) {
        mesh.triangle(first + a, first + (side > 0 ? b : c), first + (side > 0 ? c : b));
        left.remove((i + 1) % n);
        tries = 0;
      } else {
        tries++;
        i = (i + 1) % n;
      }
    }
  }

  private static boolean ear(double[] p, List<Integer> left, int a, int b, int c) {
    if (area(p, a, b, c) <= 0) {
      return false;
    }
    for (int k : left) {
      if (k != a
          && k != b
          && k != c
          && area(p, a, b, k) > 0
          && area(p, b, c, k) > 0
          && area(p, c, a, k) > 0) {
        return false;
      }
    }
    return true;
  }

  private static double area(double[] p, int a, int b, int c) {
    return (p[2 * b] - p[2 * a]) * (p[2 * c + 1] - p[2 * a + 1])
        - (p[2 * c] - p[2 * a]) * (p[2 * b + 1] - p[2 * a + 1]);
  }

  /**
   * A cushion of this figure: highest at the middle, round towards the edge, on both sides. Every
   * point of the figure must be seen from the middle.
   */
  static Mesh cushion(double depth, double middleX, double middleY, double... outline) {
    int n = outline.length / 2;
    return Solids.grid(
        n,
        16,
        true,
        false,
        (u, v, p) -> {
          int i = (int) Math.rint(u * n) % n;
          double r = Trig.sin(0.5 * v);
          p[0] = middleX + (outline[2 * i] - middleX) * r;
          p[1] = middleY + (outline[2 * i + 1] - middleY) * r;
          p[2] = -depth * Trig.cos(0.5 * v);
        });
  }

  /**
   * A leaf or petal from the origin along y: widest in the middle, folded along it, and bent
   * towards the viewer.
   *
   * @param fold how far the sides rise, as a share of the width
   * @param bend how far the tip comes forward, as a share of the length
   * @param widest where the width is greatest, about 0.3 to 0.8
   */
  static Mesh blade(double length, double width, double fold, double bend, double widest) {
    double power = StrictMath.log(0.5) / StrictMath.log(widest);
    return Solids.grid(
        4,
        10,
        false,
        false,
        (u, v, p) -> {
          double half = width / 2 * Trig.sin(0.5 * Trig.pow(v, power));
          double s = 2 * u - 1;
          p[0] = half * s;
          p[1] = length * v;
          p[2] = Math.abs(s) * half * fold + bend * length * v * v;
        });
  }

  /** A flat disc. */
  static Mesh disc(double radius) {
    return sheet(ellipse(radius, radius, 40));
  }
}
