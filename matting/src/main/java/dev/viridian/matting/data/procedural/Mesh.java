package dev.viridian.matting.data.procedural;

import java.util.Arrays;

/**
 * Triangles with a normal at each corner. Right-handed: x to the right, y up, z towards the viewer.
 *
 * <p>Every vertex keeps, as its texture coordinates, the place where it was made: patterns stay on
 * the surface when a part is moved or turned. The transformations change the mesh and return it.
 * For one thread.
 */
final class Mesh {
  /** Numbers of a vertex: place, normal, texture. */
  static final int STRIDE = 9;

  double[] data = new double[STRIDE * 64];
  int vertices;
  int[] corners = new int[3 * 64];
  int triangles;

  /** Adds a vertex whose texture coordinates are its place; returns its number. */
  int vertex(double x, double y, double z, double nx, double ny, double nz) {
    int at = vertices * STRIDE;
    if (at == data.length) {
      data = Arrays.copyOf(data, 2 * at);
    }
    data[at] = x;
    data[at + 1] = y;
    data[at + 2] = z;
    data[at + 3] = nx;
    data[at + 4] = ny;
    data[at + 5] = nz;
    data[at + 6] = x;
    data[at + 7] = y;
    data[at + 8] = z;
    return vertices++;
  }

  /** Adds a triangle between three vertices. */
  void triangle(int a, int b, int c) {
    int at = 3 * triangles;
    if (at == corners.length) {
      corners = Arrays.copyOf(corners, 2 * at);
    }
    corners[at] = a;
    corners[at + 1] = b;
    corners[at + 2] = c;
    triangles++;
  }

  /** Adds the two triangles of a four-sided face. */
  void quad(int a, int b, int c, int d) {
    triangle(a, b, c);
    triangle(a, c, d);
  }

  /** Adds a copy of all of another mesh. */
  Mesh add(Mesh other) {
    int first = vertices;
    int needed = (vertices + other.vertices) * STRIDE;
    if (needed > data.length) {
      data = Arrays.copyOf(data, Math.max(needed, 2 * data.length));
    }
    System.arraycopy(other.data, 0, data, first * STRIDE, other.vertices * STRIDE);
    vertices += other.vertices;
    for (int t = 0; t < other.triangles; t++) {
      triangle(
          first + other.corners[3 * t],
          first + other.corners[3 * t + 1],
          first + other.corners[3 * t + 2]);
    }
    return this;
  }

  /** A copy that can be changed on its own. */
  Mesh copy() {
    return new Mesh().add(this);
  }

  Mesh move(double x, double y, double z) {
    for (int at = 0; at < vertices * STRIDE; at += STRIDE) {
      data[at] += x;
      data[at + 1] += y;
      data[at + 2] += z;
    }
    return this;
  }

  /** Scales about the origin; factors may be negative. */
  Mesh scale(double x, double y, double z) {
    for (int at = 0; at < vertices * STRIDE; at += STRIDE) {
      data[at] *= x;
      data[at + 1] *= y;
      data[at + 2] *= z;
      double nx = data[at + 3] / x;
      double ny = data[at + 4] / y;
      double nz = data[at + 5] / z;
      double length = Math.sqrt(nx * nx + ny * ny + nz * nz);
      double inverse = length > 0 ? 1 / length : 0;
      data[at + 3] = nx * inverse;
      data[at + 4] = ny * inverse;
      data[at + 5] = nz * inverse;
    }
    return this;
  }

  Mesh scale(double factor) {
    return scale(factor, factor, factor);
  }

  /** Turns about the x axis; positive brings the top towards the viewer. Degrees. */
  Mesh turnX(double degrees) {
    return turn(1, 2, degrees);
  }

  /** Turns about the y axis; positive brings the front to the right. Degrees. */
  Mesh turnY(double degrees) {
    return turn(2, 0, degrees);
  }

  /** Turns about the z axis, counter-clockwise as seen. Degrees. */
  Mesh turnZ(double degrees) {
    return turn(0, 1, degrees);
  }

  private Mesh turn(int a, int b, double degrees) {
    double c = Trig.cos(degrees / 360);
    double s = Trig.sin(degrees / 360);
    for (int at = 0; at < vertices * STRIDE; at += STRIDE) {
      for (int k = 0; k < 6; k += 3) {
        double u = data[at + k + a];
        double v = data[at + k + b];
        data[at + k + a] = u * c - v * s;
        data[at + k + b] = u * s + v * c;
      }
    }
    return this;
  }

  /**
   * Bends what stands along y into a circle towards +x: heights become an angle about the point
   * (radius, 0).
   */
  Mesh bend(double radius) {
    for (int at = 0; at < vertices * STRIDE; at += STRIDE) {
      double turns = data[at + 1] / radius / (2 * Math.PI);
      double c = Trig.cos(turns);
      double s = Trig.sin(turns);
      double r = radius - data[at];
      data[at] = radius - r * c;
      data[at + 1] = r * s;
      double nx = data[at + 3];
      double ny = data[at + 4];
      data[at + 3] = nx * c + ny * s;
      data[at + 4] = ny * c - nx * s;
    }
    return this;
  }

  /** Normals from the faces around each vertex, weighted by area. */
  Mesh smoothNormals() {
    for (int at = 0; at < vertices * STRIDE; at += STRIDE) {
      Arrays.fill(data, at + 3, at + 6, 0);
    }
    for (int t = 0; t < triangles; t++) {
      int a = corners[3 * t] * STRIDE;
      int b = corners[3 * t + 1] * STRIDE;
      int c = corners[3 * t + 2] * STRIDE;
      double ux = data[b] - data[a];
      double uy = data[b + 1] - data[a + 1];
      double uz = data[b + 2] - data[a + 2];
      double vx = data[c] - data[a];
      double vy = data[c + 1] - data[a + 1];
      double vz = data[c + 2] - data[a + 2];
      double nx = uy * vz - uz * vy;
      double ny = uz * vx - ux * vz;
      double nz = ux * vy - uy * vx;
      for (int k = 0; k < 3; k++) {
        int at = corners[3 * t + k] * STRIDE;
        data[at + 3] += nx;
        data[at + 4] += ny;
        data[at + 5] += nz;
      }
    }
    return scale(1, 1, 1);
  }
}
