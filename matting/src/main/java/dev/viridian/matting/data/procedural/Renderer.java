package dev.viridian.matting.data.procedural;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Draws a model with exact alpha: 4×4 samples a pixel, each covered or not (by opaque surfaces) or
 * covered in part (by glass and vapour), averaged as colour times alpha.
 *
 * <p>Triangles are filled by whole-number edge functions, so that neighbours leave no gap and
 * nothing is drawn twice; opaque ones by depth, translucent ones from behind. Inside an opaque
 * triangle, where coverage does not change, light is computed for 2×2 samples at once. Vapours,
 * smooth by nature, are evaluated at 2×2 places a pixel. The picture is made in bands of rows that
 * fit the processor's cache. Stateless and thread-safe.
 */
final class Renderer {
  /** Samples of a pixel, in each direction. */
  static final int SAMPLES = 4;

  private static final int SUB = 16;
  private static final int BAND_SAMPLES = 1 << 15;

  /**
   * A picture without background.
   *
   * @param rgb straight colours, [size, size, 3]; black where alpha is 0
   * @param alpha [size, size], 0…1
   */
  record Picture(int size, float[] rgb, float[] alpha) {}

  private final Projection scene;
  private final Shading shading;
  private final Model model;
  private final int size;
  private final int width;
  private final int bandRows;
  private final float[] depth;
  private final int[] front;
  private final float[] red;
  private final float[] green;
  private final float[] blue;
  private final float[] alpha;
  private final boolean[] opaque;
  private final int[] translucent;

  /** Places of the vertices, x and y, in parts of a sample. */
  private final int[] fixed;

  /** Rows of samples from the first to the last of each triangle; none where it has no middle. */
  private final int[] rowsOf;

  private int top;
  private int rows;

  private Renderer(Model model, View view, int size) {
    this.model = model;
    this.size = size;
    width = size * SAMPLES;
    scene = new Projection(model, view, width);
    shading = new Shading(scene.light);
    bandRows = Math.clamp(BAND_SAMPLES / width / SAMPLES, 1, size) * SAMPLES;
    depth = new float[bandRows * width];
    front = new int[bandRows * width];
    red = new float[bandRows * width];
    green = new float[bandRows * width];
    blue = new float[bandRows * width];
    alpha = new float[bandRows * width];
    opaque = new boolean[scene.surfaces.size()];
    for (int i = 0; i < opaque.length; i++) {
      opaque[i] = scene.surfaces.get(i).finish() != Surface.Finish.GLASS;
    }
    translucent = fromBehind();
    fixed = new int[2 * scene.vertexCount];
    for (int i = 0; i < scene.vertexCount; i++) {
      fixed[2 * i] = fixed(scene.vertices[i * Projection.STRIDE]);
      fixed[2 * i + 1] = fixed(scene.vertices[i * Projection.STRIDE + 1]);
    }
    rowsOf = rows();
  }

  private int[] rows() {
    int[] out = new int[2 * scene.triangles];
    for (int t = 0; t < scene.triangles; t++) {
      int a = fixed[2 * scene.corners[3 * t] + 1];
      int b = fixed[2 * scene.corners[3 * t + 1] + 1];
      int c = fixed[2 * scene.corners[3 * t + 2] + 1];
      out[2 * t] = ceil(Math.min(a, Math.min(b, c)));
      out[2 * t + 1] = floor(Math.max(a, Math.max(b, c)));
    }
    return out;
  }

  /** Draws a model in a square picture. */
  static Picture draw(Model model, View view, int size) {
    return new Renderer(model, view, size).draw();
  }

  private Picture draw() {
    float[] rgb = new float[3 * size * size];
    float[] a = new float[size * size];
    for (top = 0; top < width; top += bandRows) {
      rows = Math.min(bandRows, width - top);
      band();
      average(rgb, a);
    }
    return new Picture(size, rgb, a);
  }

  private void band() {
    int n = rows * width;
    Arrays.fill(depth, 0, n, Float.NEGATIVE_INFINITY);
    Arrays.fill(front, 0, n, -1);
    Arrays.fill(red, 0, n, 0);
    Arrays.fill(green, 0, n, 0);
    Arrays.fill(blue, 0, n, 0);
    Arrays.fill(alpha, 0, n, 0);
    Fill fill = new Fill();
    for (int t = 0; t < scene.triangles; t++) {
      if (opaque[scene.surfaceOf[t]]) {
        fill.triangle(t, false);
      }
    }
    fill.shade();
    for (int t : translucent) {
      fill.triangle(t, true);
    }
    for (Model.Vapour vapour : model.vapours) {
      cover(vapour);
    }
  }

  /** The translucent triangles by the depth of their middle. */
  private int[] fromBehind() {
    int count = 0;
    long[] keys = new long[scene.triangles];
    for (int t = 0; t < scene.triangles; t++) {
      if (!opaque[scene.surfaceOf[t]]) {
        float z = 0;
        for (int k = 0; k < 3; k++) {
          z += scene.vertices[scene.corners[3 * t + k] * Projection.STRIDE + 2];
        }
        int bits = Float.floatToIntBits(z);
        int ordered = bits ^ (bits >> 31 & 0x7fffffff);
        keys[count++] = (long) ordered << 32 | t;
      }
    }
    Arrays.sort(keys, 0, count);
    int[] out = new int[count];
    for (int i = 0; i < count; i++) {
      out[i] = (int) keys[i];
    }
    return out;
  }

  /** Lays a translucent colour over a sample. */
  private void over(int at, float r, float g, float b, float a) {
    float rest = 1 - a;
    red[at] = r * a + red[at] * rest;
    green[at] = g * a + green[at] * rest;
    blue[at] = b * a + blue[at] * rest;
    alpha[at] = a + alpha[at] * rest;
  }

  private void cover(Model.Vapour vapour) {
    double[] p = scene.project(vapour.anchor());
    double[] box = vapour.box();
    double s = scene.scale;
    double left = p[0] + s * (scene.mirrored ? -box[2] : box[0]);
    double right = p[0] + s * (scene.mirrored ? -box[0] : box[2]);
    int x0 = Math.max(0, (int) Math.floor(left) & ~1);
    int x1 = Math.min(width, (int) Math.ceil(right));
    int y0 = Math.max(top, (int) Math.floor(p[1] - s * box[3]) & ~1);
    int y1 = Math.min(top + rows, (int) Math.ceil(p[1] - s * box[1]));
    float[] c = new float[4];
    for (int y = y0; y < y1; y += 2) {
      for (int x = x0; x < x1; x += 2) {
        double dx = (x + 1 - p[0]) / s;
        c[3] = 0;
        vapour.cover().at((float) (scene.mirrored ? -dx : dx), (float) ((p[1] - y - 1) / s), c);
        if (c[3] > 0) {
          float a = Math.min(1, c[3]);
          float g = Math.min(c[1], Math.max(c[0], c[2]) + Shading.MOST_GREEN_EXCESS);
          int at = (y - top) * width + x;
          over(at, c[0], g, c[2], a);
          over(at + 1, c[0], g, c[2], a);
          over(at + width, c[0], g, c[2], a);
          over(at + width + 1, c[0], g, c[2], a);
        }
      }
    }
  }

  /** Means of the samples of each pixel of the band. */
  private void average(float[] rgb, float[] out) {
    float share = 1f / (SAMPLES * SAMPLES);
    for (int y = 0; y < rows / SAMPLES; y++) {
      for (int x = 0; x < size; x++) {
        float r = 0;
        float g = 0;
        float b = 0;
        float a = 0;
        for (int j = 0; j < SAMPLES; j++) {
          int at = (y * SAMPLES + j) * width + x * SAMPLES;
          for (int i = 0; i < SAMPLES; i++, at++) {
            r += red[at];
            g += green[at];
            b += blue[at];
            a += alpha[at];
          }
        }
        int pixel = (top / SAMPLES + y) * size + x;
        out[pixel] = Math.min(1, a * share);
        if (a > 0) {
          rgb[3 * pixel] = Math.min(1, r / a);
          rgb[3 * pixel + 1] = Math.min(1, g / a);
          rgb[3 * pixel + 2] = Math.min(1, b / a);
        }
      }
    }
  }

  /** Fills triangles. Holds what is the same for all samples of one. */
  private final class Fill {
    private float originX;
    private float originY;
    private float ax1;
    private float ay1;
    private float ax2;
    private float ay2;
    private int va;
    private int vb;
    private int vc;
    private float side;

    /**
     * Where a place lies between the corners: weights of the second and third, as a x + b y from
     * the first. False if the triangle has no area.
     */
    private boolean begin(int t) {
      float[] v = scene.vertices;
      va = scene.corners[3 * t] * Projection.STRIDE;
      vb = scene.corners[3 * t + 1] * Projection.STRIDE;
      vc = scene.corners[3 * t + 2] * Projection.STRIDE;
      originX = v[va];
      originY = v[va + 1];
      float ux = v[vb] - originX;
      float uy = v[vb + 1] - originY;
      float wx = v[vc] - originX;
      float wy = v[vc + 1] - originY;
      float area = ux * wy - uy * wx;
      if (area == 0) {
        return false;
      }
      float inverse = 1 / area;
      ax1 = wy * inverse;
      ay1 = -wx * inverse;
      ax2 = -uy * inverse;
      ay2 = ux * inverse;
      return true;
    }

    /** Fills the depths with a triangle, or lays its colour over what is there. */
    void triangle(int t, boolean blend) {
      int first = Math.max(top, rowsOf[2 * t]);
      int last = Math.min(top + rows - 1, rowsOf[2 * t + 1]);
      if (first > last) {
        return;
      }
      int a = 2 * scene.corners[3 * t];
      int b = 2 * scene.corners[3 * t + 1];
      int c = 2 * scene.corners[3 * t + 2];
      long xA = fixed[a];
      long yA = fixed[a + 1];
      long xB = fixed[b];
      long yB = fixed[b + 1];
      long xC = fixed[c];
      long yC = fixed[c + 1];
      long area = (xB - xA) * (yC - yA) - (xC - xA) * (yB - yA);
      if (area == 0 || !begin(t)) {
        return;
      }
      if (area < 0) {
        long x = xB;
        long y = yB;
        xB = xC;
        yB = yC;
        xC = x;
        yC = y;
      }
      for (int y = first; y <= last; y++) {
        long fy = (long) y * SUB + SUB / 2;
        left = 0;
        right = width - 1;
        clip(xA, yA, xB, yB, fy);
        clip(xB, yB, xC, yC, fy);
        clip(xC, yC, xA, yA, fy);
        if (left <= right) {
          if (blend) {
            blend(t, y, (int) left, (int) right);
          } else {
            span(t, y, (int) left, (int) right);
          }
        }
      }
    }

    private long left;
    private long right;

    /** Narrows the span of a row to the inner side of an edge, whose own points count once. */
    private void clip(long x0, long y0, long x1, long y1, long fy) {
      // inside where dx (y − y0) − dy (x − x0) > 0, or = 0 on left and upper edges
      long dx = x1 - x0;
      long dy = y1 - y0;
      boolean own = dy < 0 || dy == 0 && dx > 0;
      long k = dx * (fy - y0) + dy * x0 - (own ? 0 : 1) - dy * (SUB / 2);
      long step = -dy * SUB;
      // step x + k >= 0
      if (step > 0) {
        left = Math.max(left, -Math.floorDiv(k, step));
      } else if (step < 0) {
        right = Math.min(right, Math.floorDiv(k, -step));
      } else if (k < 0) {
        right = -1;
      }
    }

    private void span(int t, int y, int from, int to) {
      float[] v = scene.vertices;
      float zu = v[vb + 2] - v[va + 2];
      float zw = v[vc + 2] - v[va + 2];
      float step = ax1 * zu + ax2 * zw;
      float dy = y + 0.5f - originY;
      float z0 = v[va + 2] + (ay1 * zu + ay2 * zw) * dy + step * (0.5f - originX);
      int row = (y - top) * width;
      for (int x = from; x <= to; x++) {
        float z = z0 + step * x;
        if (z > depth[row + x]) {
          depth[row + x] = z;
          front[row + x] = t;
        }
      }
    }

    private void blend(int t, int y, int from, int to) {
      float[] v = scene.vertices;
      Surface surface = scene.surfaces.get(scene.surfaceOf[t]);
      side(v);
      for (int x = from; x <= to; x++) {
        int at = (y - top) * width + x;
        float w1 = ax1 * (x + 0.5f - originX) + ay1 * (y + 0.5f - originY);
        float w2 = ax2 * (x + 0.5f - originX) + ay2 * (y + 0.5f - originY);
        float z = mix(v, 2, w1, w2);
        if (z > depth[at]) {
          shade(surface, v, w1, w2);
          over(at, shading.red, shading.green, shading.blue, shading.alpha);
        }
      }
    }

    /** Normals are turned to the viewer by the side of the face that is seen. */
    private void side(float[] v) {
      side = v[va + 5] + v[vb + 5] + v[vc + 5] < 0 ? -1 : 1;
    }

    private float mix(float[] v, int k, float w1, float w2) {
      float first = v[va + k];
      return first + (v[vb + k] - first) * w1 + (v[vc + k] - first) * w2;
    }

    private void shade(Surface surface, float[] v, float w1, float w2) {
      float u1 = Math.clamp(w1, 0f, 1f);
      float u2 = Math.clamp(w2, 0f, 1f);
      boolean painted = surface.paint() != null;
      shading.shade(
          surface,
          side * mix(v, 3, u1, u2),
          side * mix(v, 4, u1, u2),
          side * mix(v, 5, u1, u2),
          painted ? mix(v, 6, u1, u2) : 0,
          painted ? mix(v, 7, u1, u2) : 0,
          painted ? mix(v, 8, u1, u2) : 0);
    }

    private int known = -1;
    private @Nullable Surface surface;

    /** Colours of the opaque samples: one for 2×2 that lie in one triangle. */
    void shade() {
      known = -1;
      for (int y = 0; y < rows; y += 2) {
        for (int x = 0; x < width; x += 2) {
          int at = y * width + x;
          int t = front[at];
          if (t == front[at + 1] && t == front[at + width] && t == front[at + width + 1]) {
            if (t >= 0) {
              shade(t, x + 1f, y + 1f);
              keep(at);
              keep(at + 1);
              keep(at + width);
              keep(at + width + 1);
            }
          } else {
            shadeOne(x, y);
            shadeOne(x + 1, y);
            shadeOne(x, y + 1);
            shadeOne(x + 1, y + 1);
          }
        }
      }
    }

    private void shadeOne(int x, int y) {
      int at = y * width + x;
      if (front[at] >= 0) {
        shade(front[at], x + 0.5f, y + 0.5f);
        keep(at);
      }
    }

    /** Shades a place of the band on a triangle. */
    private void shade(int t, float x, float y) {
      float[] v = scene.vertices;
      Surface seen = surface;
      if (t != known || seen == null) {
        known = t;
        begin(t);
        side(v);
        seen = scene.surfaces.get(scene.surfaceOf[t]);
        surface = seen;
      }
      float dx = x - originX;
      float dy = top + y - originY;
      shade(seen, v, ax1 * dx + ay1 * dy, ax2 * dx + ay2 * dy);
    }

    private void keep(int at) {
      red[at] = shading.red;
      green[at] = shading.green;
      blue[at] = shading.blue;
      alpha[at] = 1;
    }
  }

  private static int fixed(float samples) {
    return (int) Math.floor((double) samples * SUB + 0.5);
  }

  /** The first sample at or after a coordinate, by its middle. */
  private static int ceil(int fixed) {
    return -Math.floorDiv(SUB / 2 - fixed, SUB);
  }

  /** The last sample at or before a coordinate, by its middle. */
  private static int floor(int fixed) {
    return Math.floorDiv(fixed - SUB / 2, SUB);
  }
}
