package dev.viridian.matting.data.procedural;

/**
 * Light on surfaces: one lamp far away, light from everywhere else that is stronger from above, and
 * for what mirrors a simple surrounding (bright sky, dark horizon, a window where the lamp is).
 *
 * <pre>
 * matte  c = base (ambient + 0.52 max(0, n·l))
 * gloss  c = matte + 0.75 (n·h)^64 + 0.22 (1 − n_z)^4
 * metal  c = base (0.15 + 0.95 surrounding(r)) + 0.7 (n·h)^32, r the mirrored line of sight
 * glass  α = 0.16 + 0.66 (1 − n_z)², highlights opaque
 * </pre>
 *
 * <p>For one thread.
 */
final class Shading {
  /** How far green may exceed both other channels: the canvas has 1. */
  static final float MOST_GREEN_EXCESS = 0.35f;

  private static final float HORIZON = 0.34f;

  private final float lx;
  private final float ly;
  private final float lz;
  private final float hx;
  private final float hy;
  private final float hz;
  private final float[] rgb = new float[3];

  /** Straight colour of the last {@link #shade}. */
  float red;

  /** See {@link #red}. */
  float green;

  /** See {@link #red}. */
  float blue;

  /** Opacity of the last {@link #shade}. */
  float alpha;

  Shading(float[] light) {
    lx = light[0];
    ly = light[1];
    lz = light[2];
    float length = (float) Math.sqrt(lx * lx + ly * ly + (lz + 1) * (lz + 1));
    hx = lx / length;
    hy = ly / length;
    hz = (lz + 1) / length;
  }

  /** Shades a sample with normal n (of any length, turned to the viewer here) at texture t. */
  void shade(Surface surface, float nx, float ny, float nz, float tx, float ty, float tz) {
    float inverse = 1 / (float) Math.sqrt(Math.max(1e-12f, nx * nx + ny * ny + nz * nz));
    float x = nx * inverse;
    float y = ny * inverse;
    float z = nz * inverse;
    rgb[0] = surface.red();
    rgb[1] = surface.green();
    rgb[2] = surface.blue();
    Surface.Paint paint = surface.paint();
    if (paint != null) {
      paint.at(tx, ty, tz, rgb);
    }
    float diffuse = Math.max(0, x * lx + y * ly + z * lz);
    float facing = Math.max(0, z);
    float ambient = (0.54f + 0.13f * y) * (0.76f + 0.24f * facing);
    float matte = ambient + 0.52f * diffuse;
    float half = Math.max(0, x * hx + y * hy + z * hz);
    alpha = 1;
    switch (surface.finish()) {
      case MATTE -> colour(matte, 0);
      case GLOSS -> {
        float h8 = power8(half);
        float rim = 1 - facing;
        rim *= rim;
        colour(matte, 0.75f * power8(h8) + 0.22f * rim * rim);
      }
      case METAL -> {
        float h8 = power8(half);
        float h32 = h8 * h8 * h8 * h8;
        colour(0.15f + 0.95f * surrounding(2 * z * y, 2 * z * x), 0.7f * h32);
      }
      case GLASS -> {
        float rim = 1 - facing;
        float h8 = power8(half);
        float shine = Math.min(1, power8(h8) + 0.35f * rim * rim * rim * rim);
        float body = 0.16f + 0.66f * rim * rim;
        alpha = 1 - (1 - body) * (1 - shine);
        // the highlight lies over the tinted body
        float tint = (0.55f + 0.45f * matte) * (1 - shine) * body / alpha;
        colour(tint, shine / alpha);
      }
      case GLOW -> colour(1, 0);
    }
  }

  private static float power8(float x) {
    float x2 = x * x;
    float x4 = x2 * x2;
    return x4 * x4;
  }

  /** Brightness of what a mirror shows, by height and side of the mirrored line of sight. */
  private static float surrounding(float up, float side) {
    float sky = up > 0 ? 0.78f + 0.3f * up : 0.52f + 0.2f * -up;
    float edge = Math.min(1, Math.abs(up) * 4);
    return HORIZON + (sky - HORIZON) * edge + 0.12f * side;
  }

  private void colour(float factor, float light) {
    red = Math.clamp(rgb[0] * factor + light, 0f, 1f);
    blue = Math.clamp(rgb[2] * factor + light, 0f, 1f);
    float g = Math.clamp(rgb[1] * factor + light, 0f, 1f);
    green = Math.min(g, Math.max(red, blue) + MOST_GREEN_EXCESS);
  }
}
