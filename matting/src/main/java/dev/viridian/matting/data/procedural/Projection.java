package dev.viridian.matting.data.procedural;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A model as triangles on the picture: its vertices turned to the viewer and fitted in the frame.
 * Coordinates are in samples, y downwards, z towards the viewer.
 */
final class Projection {
  /** Numbers of a vertex: x, y, z, normal, texture. */
  static final int STRIDE = 9;

  private static final double UPRIGHT = 0.8;

  final List<Surface> surfaces = new ArrayList<>();
  float[] vertices = new float[STRIDE * 1024];
  int[] corners = new int[3 * 1024];
  int[] surfaceOf = new int[1024];
  int vertexCount;
  int triangles;
  final float[] light;

  /** Samples per unit of the model. */
  final double scale;

  final boolean mirrored;
  private final double[] rotation;
  private double offsetX;
  private double offsetY;

  /**
   * Fits a model.
   *
   * @param samples the side of the picture in samples
   */
  Projection(Model model, View view, int samples) {
    rotation = view.rotation();
    light = view.light();
    mirrored = view.mirrored();
    double[] box = box(model);
    double width = box[2] - box[0];
    double height = box[3] - box[1];
    scale = view.fill() * samples / Math.max(width, height);
    double freeX = (samples - width * scale) / 2;
    double freeY = (samples - height * scale) / 2;
    offsetX = samples / 2.0 - (box[0] + box[2]) / 2 * scale + view.shiftX() * freeX;
    offsetY = samples / 2.0 + (box[1] + box[3]) / 2 * scale - view.shiftY() * freeY;
    for (Model.Part part : model.parts) {
      add(part);
    }
    for (Model.Strand strand : model.strands) {
      add(strand);
    }
  }

  /** A place of the model: x, y in samples, z towards the viewer. */
  double[] project(double[] p) {
    return new double[] {
      offsetX + scale * row(0, p[0], p[1], p[2]),
      offsetY - scale * row(1, p[0], p[1], p[2]),
      scale * row(2, p[0], p[1], p[2])
    };
  }

  private double row(int r, double x, double y, double z) {
    return rotation[3 * r] * x + rotation[3 * r + 1] * y + rotation[3 * r + 2] * z;
  }

  private double[] box(Model model) {
    double[] box = {Double.MAX_VALUE, Double.MAX_VALUE, -Double.MAX_VALUE, -Double.MAX_VALUE};
    for (Model.Part part : model.parts) {
      double[] data = part.mesh().data;
      for (int at = 0; at < part.mesh().vertices * Mesh.STRIDE; at += Mesh.STRIDE) {
        widen(box, data[at], data[at + 1], data[at + 2], 0);
      }
    }
    for (Model.Strand strand : model.strands) {
      double radius = Math.max(strand.from(), strand.to());
      double[] path = strand.path();
      for (int at = 0; at < path.length; at += 3) {
        widen(box, path[at], path[at + 1], path[at + 2], radius);
      }
    }
    for (Model.Vapour vapour : model.vapours) {
      double[] a = vapour.anchor();
      double x = row(0, a[0], a[1], a[2]);
      double y = row(1, a[0], a[1], a[2]);
      double[] b = vapour.box();
      box[0] = Math.min(box[0], x + (mirrored ? -b[2] : b[0]));
      box[1] = Math.min(box[1], y + b[1]);
      box[2] = Math.max(box[2], x + (mirrored ? -b[0] : b[2]));
      box[3] = Math.max(box[3], y + b[3]);
    }
    if (box[2] <= box[0] || box[3] <= box[1]) {
      throw new IllegalArgumentException("Projection: the model has no extent");
    }
    return box;
  }

  private void widen(double[] box, double x, double y, double z, double radius) {
    double px = row(0, x, y, z);
    double py = row(1, x, y, z);
    box[0] = Math.min(box[0], px - radius);
    box[1] = Math.min(box[1], py - radius);
    box[2] = Math.max(box[2], px + radius);
    box[3] = Math.max(box[3], py + radius);
  }

  private int surface(Surface surface) {
    int last = surfaces.size() - 1;
    if (last >= 0 && surfaces.get(last) == surface) {
      return last;
    }
    surfaces.add(surface);
    return last + 1;
  }

  private void add(Model.Part part) {
    Mesh mesh = part.mesh();
    int surface = surface(part.surface());
    int first = vertexCount;
    double[] d = mesh.data;
    for (int at = 0; at < mesh.vertices * Mesh.STRIDE; at += Mesh.STRIDE) {
      double x = d[at];
      double y = d[at + 1];
      double z = d[at + 2];
      double nx = d[at + 3];
      double ny = d[at + 4];
      double nz = d[at + 5];
      vertex(
          offsetX + scale * row(0, x, y, z),
          offsetY - scale * row(1, x, y, z),
          scale * row(2, x, y, z),
          row(0, nx, ny, nz),
          row(1, nx, ny, nz),
          row(2, nx, ny, nz),
          d[at + 6],
          d[at + 7],
          d[at + 8]);
    }
    for (int t = 0; t < mesh.triangles; t++) {
      int[] c = mesh.corners;
      triangle(first + c[3 * t], first + c[3 * t + 1], first + c[3 * t + 2], surface);
    }
  }

  /** A ribbon that faces the viewer, with the normals of a round thread. */
  private void add(Model.Strand strand) {
    int surface = surface(strand.surface());
    double[] path = strand.path();
    int n = path.length / 3;
    int first = vertexCount;
    for (int i = 0; i < n; i++) {
      double[] p = project(Arrays.copyOfRange(path, 3 * i, 3 * i + 3));
      int a = 3 * Math.max(0, i - 1);
      int b = 3 * Math.min(n - 1, i + 1);
      double dx = row(0, path[b] - path[a], path[b + 1] - path[a + 1], path[b + 2] - path[a + 2]);
      double dy = row(1, path[b] - path[a], path[b + 1] - path[a + 1], path[b + 2] - path[a + 2]);
      double length = Math.sqrt(dx * dx + dy * dy);
      double nx = length > 1e-9 ? dy / length : 1;
      double ny = length > 1e-9 ? -dx / length : 0;
      double r = Trig.mix(strand.from(), strand.to(), (double) i / (n - 1)) * scale;
      for (int side = -1; side <= 1; side += 2) {
        vertex(
            p[0] + side * nx * r,
            p[1] - side * ny * r,
            p[2],
            side * nx * UPRIGHT,
            side * ny * UPRIGHT,
            1 - UPRIGHT / 2,
            path[3 * i],
            path[3 * i + 1],
            path[3 * i + 2]);
      }
    }
    for (int i = 0; i < n - 1; i++) {
      int at = first + 2 * i;
      triangle(at, at + 1, at + 3, surface);
      triangle(at, at + 3, at + 2, surface);
    }
  }

  private void vertex(
      double x,
      double y,
      double z,
      double nx,
      double ny,
      double nz,
      double tx,
      double ty,
      double tz) {
    int at = vertexCount * STRIDE;
    if (at == vertices.length) {
      vertices = Arrays.copyOf(vertices, 2 * at);
    }
    float[] v = vertices;
    v[at] = (float) x;
    v[at + 1] = (float) y;
    v[at + 2] = (float) z;
    v[at + 3] = (float) nx;
    v[at + 4] = (float) ny;
    v[at + 5] = (float) nz;
    v[at + 6] = (float) tx;
    v[at + 7] = (float) ty;
    v[at + 8] = (float) tz;
    vertexCount++;
  }

  private void triangle(int a, int b, int c, int surface) {
    if (triangles == surfaceOf.length) {
      surfaceOf = Arrays.copyOf(surfaceOf, 2 * triangles);
      corners = Arrays.copyOf(corners, 6 * triangles);
    }
    corners[3 * triangles] = a;
    corners[3 * triangles + 1] = b;
    corners[3 * triangles + 2] = c;
    surfaceOf[triangles++] = surface;
  }
}
