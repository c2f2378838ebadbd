package dev.viridian.matting.data.procedural;

/**
 * Meshes of simple solids, around the origin. Faces run counter-clockwise as seen from outside.
 * Stateless and thread-safe.
 */
final class Solids {
  private static final int AROUND = 40;
  private static final double CREASE = 0.75;

  private Solids() {}

  /** A place on a surface for u and v in 0…1. */
  @FunctionalInterface
  interface Patch {
    void at(double u, double v, double[] place);
  }

  /**
   * A surface over a grid.
   *
   * @param around whether u = 1 is u = 0 again
   * @param closed whether v = 1 is v = 0 again
   */
  static Mesh grid(int nu, int nv, boolean around, boolean closed, Patch patch) {
    Mesh mesh = new Mesh();
    int columns = around ? nu : nu + 1;
    int rows = closed ? nv : nv + 1;
    double[] p = new double[3];
    for (int j = 0; j < rows; j++) {
      for (int i = 0; i < columns; i++) {
        patch.at((double) i / nu, (double) j / nv, p);
        mesh.vertex(p[0], p[1], p[2], 0, 0, 1);
      }
    }
    for (int j = 0; j < nv; j++) {
      int low = j * columns;
      int high = (j + 1) % rows * columns;
      for (int i = 0; i < nu; i++) {
        int next = (i + 1) % columns;
        mesh.quad(low + i, low + next, high + next, high + i);
      }
    }
    return mesh.smoothNormals();
  }

  /** An ellipsoid of these half-axes. */
  static Mesh ellipsoid(double a, double b, double c) {
    return ellipsoid(a, b, c, 64, 32);
  }

  /** An ellipsoid of so many faces around and from pole to pole. */
  static Mesh ellipsoid(double a, double b, double c, int around, int up) {
    Mesh mesh = new Mesh();
    for (int j = 0; j <= up; j++) {
      double y = -Trig.cos(0.5 * j / up);
      double r = Trig.sin(0.5 * j / up);
      for (int i = 0; i < around; i++) {
        double x = r * Trig.sin((double) i / around);
        double z = r * Trig.cos((double) i / around);
        mesh.vertex(a * x, b * y, c * z, x / a, y / b, z / c);
      }
    }
    for (int j = 0; j < up; j++) {
      for (int i = 0; i < around; i++) {
        int next = (i + 1) % around;
        int low = j * around;
        int high = low + around;
        mesh.quad(low + i, low + next, high + next, high + i);
      }
    }
    return mesh.scale(1, 1, 1);
  }

  static Mesh ball(double radius) {
    return ellipsoid(radius, radius, radius);
  }

  /** A small ball, of fewer faces. */
  static Mesh bead(double radius) {
    return ellipsoid(radius, radius, radius, 20, 10);
  }

  /**
   * A body of revolution about the y axis.
   *
   * @param profile radius, height, radius, height, … from below on the outside; where it turns by
   *     more than 45° there is an edge
   */
  static Mesh lathe(double... profile) {
    return facets(AROUND, profile);
  }

  /** A body of revolution of so many faces around. */
  static Mesh facets(int around, double... profile) {
    Mesh mesh = new Mesh();
    int segments = profile.length / 2 - 1;
    double[] nr = new double[segments];
    double[] ny = new double[segments];
    for (int i = 0; i < segments; i++) {
      double dr = profile[2 * i + 2] - profile[2 * i];
      double dy = profile[2 * i + 3] - profile[2 * i + 1];
      double length = Math.max(1e-9, Math.sqrt(dr * dr + dy * dy));
      nr[i] = dy / length;
      ny[i] = -dr / length;
    }
    for (int i = 0; i < segments; i++) {
      int low = ring(mesh, around, profile, i, nr, ny, i, i - 1);
      int high = ring(mesh, around, profile, i + 1, nr, ny, i, i + 1);
      for (int k = 0; k < around; k++) {
        int next = (k + 1) % around;
        mesh.quad(low + k, low + next, high + next, high + k);
      }
    }
    return mesh;
  }

  /** A ring of vertices of one segment, its normals shared with the neighbour unless creased. */
  private static int ring(
      Mesh mesh, int around, double[] p, int i, double[] nr, double[] ny, int own, int other) {
    double r = nr[own];
    double y = ny[own];
    boolean inside = other >= 0 && other < nr.length;
    if (inside && r * nr[other] + y * ny[other] > CREASE) {
      r += nr[other];
      y += ny[other];
    }
    double length = Math.sqrt(r * r + y * y);
    int first = mesh.vertices;
    for (int k = 0; k < around; k++) {
      double s = Trig.sin((double) k / around);
      double c = Trig.cos((double) k / around);
      mesh.vertex(
          p[2 * i] * s, p[2 * i + 1], p[2 * i] * c, r / length * s, y / length, r / length * c);
    }
    return first;
  }

  /** A body of revolution whose profile is a smooth curve through the points. */
  static Mesh turned(double... profile) {
    return lathe(Outline.through(profile, false, 6));
  }

  /** A body of revolution with a wall: the profile outside, and back down inside. */
  static Mesh hollow(double wall, double... profile) {
    int n = profile.length / 2;
    double[] both = new double[4 * n];
    for (int i = 0; i < n; i++) {
      both[2 * i] = profile[2 * i];
      both[2 * i + 1] = profile[2 * i + 1];
      int back = 2 * n - 1 - i;
      boolean floor = i == 0;
      both[2 * back] = Math.max(0, profile[2 * i] - (profile[2 * i] > 0 ? wall : 0));
      both[2 * back + 1] = profile[2 * i + 1] + (floor ? wall : 0);
    }
    return lathe(both);
  }

  static Mesh cylinder(double radius, double from, double to) {
    return lathe(0, from, radius, from, radius, to, 0, to);
  }

  /** A frustum, closed. */
  static Mesh cone(double below, double above, double from, double to) {
    return lathe(0, from, below, from, above, to, 0, to);
  }

  /** A cuboid of these half-sides. */
  static Mesh box(double a, double b, double c) {
    Mesh mesh = new Mesh();
    for (int axis = 0; axis < 3; axis++) {
      int u = (axis + 1) % 3;
      int v = (axis + 2) % 3;
      for (int side = -1; side <= 1; side += 2) {
        double[] n = new double[3];
        n[axis] = side;
        int first = mesh.vertices;
        for (int k = 0; k < 4; k++) {
          double[] p = new double[3];
          p[axis] = side;
          p[u] = (k == 1 || k == 2 ? 1 : -1) * side;
          p[v] = k >= 2 ? 1 : -1;
          mesh.vertex(p[0] * a, p[1] * b, p[2] * c, n[0], n[1], n[2]);
        }
        mesh.quad(first, first + 1, first + 2, first + 3);
      }
    }
    return mesh;
  }

  /** A cuboid between two corners. */
  static Mesh block(double x0, double y0, double z0, double x1, double y1, double z1) {
    return box((x1 - x0) / 2, (y1 - y0) / 2, (z1 - z0) / 2)
        .move((x0 + x1) / 2, (y0 + y1) / 2, (z0 + z1) / 2);
  }

  /** A cuboid with rounded edges. */
  static Mesh roundedBox(double a, double b, double c, double radius) {
    return grid(
            48,
            24,
            true,
            false,
            (u, v, p) -> {
              double y = -Trig.cos(0.5 * v);
              double r = Trig.sin(0.5 * v);
              double x = r * Trig.sin(u + 0.125);
              double z = r * Trig.cos(u + 0.125);
              double most = Math.max(Math.abs(x), Math.max(Math.abs(y), Math.abs(z)));
              corner(x / most, y / most, z / most, a, b, c, radius, p);
            })
        .smoothNormals();
  }

  private static void corner(
      double x, double y, double z, double a, double b, double c, double radius, double[] p) {
    double px = x * a;
    double py = y * b;
    double pz = z * c;
    double ix = Math.clamp(px, radius - a, a - radius);
    double iy = Math.clamp(py, radius - b, b - radius);
    double iz = Math.clamp(pz, radius - c, c - radius);
    double dx = px - ix;
    double dy = py - iy;
    double dz = pz - iz;
    double d = Math.sqrt(dx * dx + dy * dy + dz * dz);
    double k = d > 0 ? radius / d : 0;
    p[0] = ix + dx * k;
    p[1] = iy + dy * k;
    p[2] = iz + dz * k;
  }

  /** A ring in the x-z plane. */
  static Mesh torus(double radius, double thickness) {
    return grid(
        48,
        16,
        true,
        true,
        (u, v, p) -> {
          double r = radius + thickness * Trig.cos(v);
          p[0] = r * Trig.sin(u);
          p[1] = thickness * Trig.sin(v);
          p[2] = r * Trig.cos(u);
        });
  }

  /** A round bar through points x, y, z, …, its radius going from one to the other. */
  static Mesh tube(double from, double to, double... path) {
    return tube(12, from, to, path);
  }

  /** A round bar with so many faces around; ends are closed by cones of no height. */
  static Mesh tube(int around, double from, double to, double... path) {
    int n = path.length / 3;
    Mesh mesh = new Mesh();
    double[] side = {0, 0, 0};
    for (int i = 0; i < n; i++) {
      double[] t = tangent(path, i, n);
      if (i == 0) {
        side = Math.abs(t[1]) < 0.9 ? cross(t, new double[] {0, 1, 0}) : new double[] {1, 0, 0};
      }
      double along = side[0] * t[0] + side[1] * t[1] + side[2] * t[2];
      for (int k = 0; k < 3; k++) {
        side[k] -= along * t[k];
      }
      unit(side);
      double[] up = cross(t, side);
      double r = Trig.mix(from, to, (double) i / (n - 1));
      if (i == 0) {
        cap(mesh, path, 0, t, -1, around);
      }
      for (int k = 0; k < around; k++) {
        double c = Trig.cos((double) k / around);
        double s = Trig.sin((double) k / around);
        double x = side[0] * c + up[0] * s;
        double y = side[1] * c + up[1] * s;
        double z = side[2] * c + up[2] * s;
        mesh.vertex(path[3 * i] + r * x, path[3 * i + 1] + r * y, path[3 * i + 2] + r * z, x, y, z);
      }
      if (i == n - 1) {
        cap(mesh, path, i, t, 1, around);
      }
    }
    for (int i = -1; i < n; i++) {
      int low = (i + 1) * around;
      for (int k = 0; k < around; k++) {
        int next = (k + 1) % around;
        mesh.quad(low + k, low + next, low + around + next, low + around + k);
      }
    }
    return mesh;
  }

  private static void cap(Mesh mesh, double[] path, int i, double[] t, int sign, int around) {
    for (int k = 0; k < around; k++) {
      mesh.vertex(
          path[3 * i], path[3 * i + 1], path[3 * i + 2], sign * t[0], sign * t[1], sign * t[2]);
    }
  }

  private static double[] tangent(double[] path, int i, int n) {
    int a = 3 * Math.max(0, i - 1);
    int b = 3 * Math.min(n - 1, i + 1);
    return unit(
        new double[] {path[b] - path[a], path[b + 1] - path[a + 1], path[b + 2] - path[a + 2]});
  }

  private static double[] cross(double[] a, double[] b) {
    return new double[] {
      a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
    };
  }

  private static double[] unit(double[] v) {
    double length = Math.max(1e-12, Math.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]));
    for (int k = 0; k < 3; k++) {
      v[k] /= length;
    }
    return v;
  }
}
