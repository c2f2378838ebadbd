package dev.viridian.matting.data.procedural;

import java.util.List;

/** Things without a surface: smoke, fire, cloud, bubbles. */
final class Vapours {
  private Vapours() {}

  static List<Noun> nouns() {
    Pose upright = new Pose(0, 0, 0, 0);
    return List.of(
        Noun.of("smoke", upright, Vapours::smoke)
            .called("puff of * smoke")
            .of(Material.MATTE)
            .natural("grey", "white", "black"),
        Noun.of("flame", upright, Vapours::flame)
            .of(Material.MATTE)
            .natural("orange", "orange", "red", "blue"),
        Noun.of("cloud", upright, Vapours::cloud).of(Material.MATTE).natural("white", "grey"),
        Noun.of("soap bubble", Pose.FLAT, Vapours::bubble).of(Material.GLASS),
        Noun.of("candle", Pose.STANDING, Vapours::candle).of(Material.MATTE, Material.GLOSSY),
        Noun.of("torch", new Pose(180, 0, 8, 24), Vapours::torch)
            .called("burning * torch")
            .of(Material.WOODEN, Material.METAL)
            .natural("brown", "grey"));
  }

  private static void smoke(Kit k) {
    int salt = k.draw.below(1 << 20);
    float lean = (float) k.in(-0.3, 0.3);
    float curl = (float) k.in(0.12, 0.28);
    float dense = (float) k.in(2.6, 4);
    float r = k.colour[0];
    float g = k.colour[1];
    float b = k.colour[2];
    k.vapour(
        0,
        0,
        0,
        new double[] {-0.75, -1, 0.75, 1},
        (x, y, c) -> {
          float up = (y + 1) / 2;
          float wobble = Noise.octaves(3, y * 1.7f, 2, salt) - 0.5f;
          float middle = lean * up + wobble * (0.2f + 1.2f * curl * up) * 2.2f;
          float width = 0.13f + 0.5f * up * (1.25f - 0.5f * up);
          float wx = x + curl * (Noise.octaves(x * 3, y * 3, 3, salt + 20) - 0.5f) * 1.6f;
          float wy = y + curl * (Noise.octaves(x * 3, y * 3, 3, salt + 40) - 0.5f) * 1.6f;
          float d = (wx - middle) / width;
          float body = Math.min(1, 1.7f * (1 - d * d));
          if (body <= 0) {
            return;
          }
          float n = Noise.octaves(wx * 4.5f, wy * 3.2f, 4, salt + 60);
          float ends = Math.min(1, up * 12) * Math.clamp((1.1f - up - 0.5f * n) * 4, 0f, 1f);
          float a = body * ends * Math.clamp((n - 0.2f) * dense, 0f, 1f);
          float light = 0.8f + 0.6f * (n - 0.4f) - 0.18f * d;
          c[0] = Math.min(1, r * light + 0.06f);
          c[1] = Math.min(1, g * light + 0.06f);
          c[2] = Math.min(1, b * light + 0.06f);
          c[3] = 0.95f * a;
        });
  }

  /**
   * A flame from a place, {@code height} up (down where it is negative) and {@code width} to either
   * side, orange outside and bright inside.
   */
  static void fire(Kit k, double x, double y, double z, double width, double height) {
    float[] orange = {1, 0.42f, 0.06f};
    fire(k, new double[] {x, y, z}, width, height, orange);
  }

  private static void fire(Kit k, double[] at, double width, double height, float[] colour) {
    int salt = k.draw.below(1 << 20);
    float w = (float) width;
    float h = (float) height;
    double low = Math.min(0, height * 1.1);
    double high = Math.max(0, height * 1.1);
    double[] box = {-width * 1.5, low - 0.1 * width, width * 1.5, high + 0.1 * width};
    k.vapour(
        at[0],
        at[1],
        at[2],
        box,
        (x, y, c) -> {
          float up = y / h;
          if (up <= -0.02f || up >= 1.1f) {
            return;
          }
          float u = Math.max(0, up);
          float sway = (Noise.octaves(u * 2.6f, 7, 2, salt) - 0.5f) * w * 1.7f * u;
          float rough = (Noise.octaves(x / w * 1.6f, u * 3.4f, 3, salt + 9) - 0.5f) * 0.75f * u;
          // widest at a third of the height, a point at the top
          float shape = (float) Math.sqrt(Math.min(1, u * 5)) * (1 - u) * (1 + 0.75f * u) * 1.08f;
          float d = Math.abs(x - sway) / w / Math.max(0.02f, shape + rough * shape);
          float edge = 1 - d;
          float a = Math.clamp(edge * 4.5f, 0f, 1f) * Math.clamp((1.08f - up) * 5, 0f, 1f);
          if (a <= 0) {
            return;
          }
          float warm = Math.clamp(edge * 1.5f - u * 0.55f, 0f, 1f);
          float hot = warm * warm;
          for (int i = 0; i < 3; i++) {
            float outer = colour[i] * (0.8f + 0.2f * hot);
            float core = 0.45f * colour[i] + 0.55f * (i == 2 ? 0.75f : 0.97f);
            c[i] = outer + (core - outer) * hot;
          }
          c[3] = a * (0.72f + 0.28f * hot);
        });
  }

  private static void flame(Kit k) {
    float[] colour = k.colour.clone();
    // a flame of a colour is that colour at its brightest
    float most = Math.max(0.3f, Math.max(colour[0], Math.max(colour[1], colour[2])));
    for (int i = 0; i < 3; i++) {
      colour[i] = Math.min(1, colour[i] / most);
    }
    double h = 1.9;
    fire(k, new double[] {0, -0.95, 0}, 0.62, h, colour);
    if (k.draw.chance(0.7)) {
      fire(k, new double[] {-0.42, -0.95, 0}, 0.32, h * 0.62, colour);
      fire(k, new double[] {0.4, -0.95, 0}, 0.3, h * 0.55, colour);
    }
  }

  private static void cloud(Kit k) {
    int salt = k.draw.below(1 << 20);
    int puffs = 7;
    float[] p = new float[3 * puffs];
    for (int i = 0; i < puffs; i++) {
      double t = (i + 0.5) / puffs * 2 - 1;
      p[3 * i] = (float) (t * 0.72);
      p[3 * i + 1] = (float) (0.3 * (1 - t * t) * k.in(0.2, 1.1) - 0.05);
      p[3 * i + 2] = (float) (0.2 + 0.2 * (1 - t * t) * k.in(0.6, 1.1));
    }
    float r = k.colour[0];
    float g = k.colour[1];
    float b = k.colour[2];
    k.vapour(
        0,
        0,
        0,
        new double[] {-1.05, -0.42, 1.05, 0.75},
        (x, y, c) -> {
          float n = Noise.octaves(x * 5, y * 5, 5, salt) - 0.5f;
          float most = -1;
          float light = 0;
          for (int i = 0; i < puffs; i++) {
            float dx = (x - p[3 * i]) / p[3 * i + 2];
            float dy = (y - p[3 * i + 1]) / p[3 * i + 2];
            float t = 1 - (float) Math.sqrt(dx * dx + dy * dy);
            if (t > most) {
              most = t;
              light = dy;
            }
          }
          float flat = Math.clamp((y + 0.32f) * 7, 0f, 1f);
          float a = Math.clamp((most + n * 0.75f) * 4.5f + 0.15f, 0f, 1f) * flat;
          float k1 = 0.86f + 0.14f * Math.clamp(light + 0.3f, -1f, 1f) + 0.22f * n;
          c[0] = Math.clamp(r * k1, 0f, 1f);
          c[1] = Math.clamp(g * k1, 0f, 1f);
          c[2] = Math.clamp(b * k1 + 0.02f, 0f, 1f);
          c[3] = a;
        });
  }

  private static void bubble(Kit k) {
    int salt = k.draw.below(1 << 20);
    Surface film =
        k.main.with(
            (x, y, z, rgb) -> {
              float t = Noise.value(x * 2 + 5, y * 2 + z, salt) * 3;
              Paints.mix(rgb, 0xF48FD0, Math.clamp(t - 1.2f, 0f, 0.6f));
              Paints.mix(rgb, 0x8FD8F4, Math.clamp(1.3f - t, 0f, 0.6f));
            });
    k.add(Solids.ball(1), film);
  }

  private static void candle(Kit k) {
    double tall = k.in(0.5, 0.9);
    k.add(
        Solids.lathe(
            0,
            -0.9,
            0.32,
            -0.9,
            0.32,
            -0.9 + 2 * tall * 0.8,
            0.26,
            -0.88 + 2 * tall * 0.8,
            0,
            -0.95 + 2 * tall * 0.8));
    double y = -0.95 + 1.6 * tall;
    k.strand(Kit.RUBBER, 0.02, 0.016, 0, y, 0, 0.02, y + 0.2, 0);
    if (k.draw.chance(0.5)) {
      k.add(Solids.hollow(0.04, 0, -0.98, 0.5, -0.98, 0.6, -0.85), Kit.GOLD);
    }
    for (int i = 0; i < 4; i++) {
      double turn = k.in(0, 360);
      double long1 = k.in(0.15, 0.45);
      k.add(Solids.tube(8, 0.05, 0.06, 0, y + 0.02, 0.3, 0, y + 0.02 - long1, 0.33).turnY(turn));
    }
    fire(k, 0.01, y + 0.1, 0, 0.14, 0.62);
  }

  private static void torch(Kit k) {
    k.add(Solids.cone(0.07, 0.13, -1.2, 0.05));
    k.add(Solids.turned(0.12, -0.02, 0.22, 0.1, 0.27, 0.3, 0.24, 0.32, 0, 0.25), Kit.STEEL);
    fire(k, 0, 0.24, 0, 0.36, 1.1);
  }
}
