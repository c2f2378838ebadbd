package dev.viridian.matting.data.procedural;

import java.util.List;

/** Fruit and vegetables. */
final class Fruits {
  private Fruits() {}

  static List<Noun> nouns() {
    return List.of(
        Noun.of("apple", Pose.STANDING, Fruits::apple).any().natural("red", "yellow", "olive"),
        Noun.of("pear", Pose.STANDING, Fruits::pear).any().natural("yellow", "olive", "brown"),
        Noun.of("banana", Pose.FLAT, Fruits::banana).natural("yellow"),
        Noun.of("orange", new Pose(15, 8, 22, 6), Fruits::orange).natural("orange"),
        Noun.of("lemon", Pose.LOOSE, Fruits::lemon).natural("yellow"),
        Noun.of("cherries", Pose.FLAT, Fruits::cherries)
            .called("pair of * cherries")
            .of(Material.GLOSSY, Material.MATTE)
            .natural("red", "black"),
        Noun.of("grapes", Pose.FACING, Fruits::grapes)
            .called("bunch of * grapes")
            .of(Material.GLOSSY, Material.MATTE, Material.GLASS)
            .natural("purple", "olive", "red"),
        Noun.of("strawberry", Pose.STANDING, Fruits::strawberry)
            .of(Material.GLOSSY, Material.MATTE)
            .natural("red"),
        Noun.of("pineapple", Pose.STANDING, Fruits::pineapple).natural("yellow", "brown", "orange"),
        Noun.of("watermelon", Pose.FLAT, Fruits::watermelon)
            .called("slice of * watermelon")
            .of(Material.MATTE)
            .natural("red", "pink", "yellow"),
        Noun.of("pumpkin", Pose.STANDING, Fruits::pumpkin).soft().natural("orange"),
        Noun.of("carrot", Pose.LOOSE, Fruits::carrot).of(Material.MATTE).natural("orange"),
        Noun.of("mushroom", Pose.STANDING, Fruits::mushroom).soft().natural("red", "brown"),
        Noun.of("eggplant", Pose.FLAT, Fruits::eggplant)
            .of(Material.GLOSSY)
            .natural("purple", "black"),
        Noun.of("chili pepper", Pose.LOOSE, Fruits::chili).of(Material.GLOSSY).natural("red"));
  }

  private static void stem(Kit k, double x, double y, double length) {
    double lean = k.in(-0.12, 0.12);
    k.add(
        Solids.tube(
            0.035, 0.055, x, y, 0, x + lean * 0.3, y + length * 0.5, 0, x + lean, y + length, 0),
        Kit.STEM);
  }

  private static void apple(Kit k) {
    double w = k.in(0.95, 1.08);
    Surface flesh = k.main;
    if (k.material == Material.MATTE || k.material == Material.GLOSSY) {
      int salt = k.draw.below(1000);
      float amount = (float) k.in(0.1, 0.5);
      flesh =
          flesh.with(
              (x, y, z, rgb) -> {
                float streak = Noise.value(x * 9, y * 1.5f, z * 9, salt);
                float top = Math.max(0, y - 0.35f) * 1.8f + Math.max(0, -y - 0.6f);
                Paints.mix(rgb, 0xF0D060, Math.min(1, amount * top * (0.4f + streak)));
              });
    }
    k.add(
        Solids.turned(
                0, -0.68, 0.16, -0.8, 0.4, -0.82, 0.78, -0.45, 0.98, 0.05, 0.95, 0.42, 0.7, 0.74,
                0.4, 0.8, 0.18, 0.7, 0, 0.5)
            .scale(w, 1, w),
        flesh);
    stem(k, 0, 0.5, 0.52);
    k.leaf(0.03, 0.8, 0, 0.6, k.in(40, 140), k.in(50, 70));
  }

  private static void pear(Kit k) {
    k.add(
        Solids.turned(
            0, -0.92, 0.3, -0.98, 0.68, -0.8, 0.8, -0.45, 0.68, -0.05, 0.44, 0.3, 0.33, 0.6, 0.22,
            0.82, 0, 0.86));
    stem(k, 0, 0.82, 0.36);
    k.leaf(0.02, 0.95, 0, 0.5, k.in(40, 140), k.in(55, 75));
  }

  private static void banana(Kit k) {
    double curve = k.in(0.95, 1.15);
    Mesh body =
        Solids.grid(
            10,
            40,
            true,
            false,
            (u, v, p) -> {
              double r = 0.23 * Trig.pow(Trig.sin(0.5 * (0.04 + 0.92 * v)), 0.55);
              double five = 1 + 0.07 * Trig.cos(5 * u);
              p[0] = r * five * Trig.cos(u);
              p[1] = (v - 0.5) * 2.2;
              p[2] = -r * five * Trig.sin(u);
            });
    Surface skin =
        k.main.with(
            (x, y, z, rgb) -> {
              float tip = Math.max(0, Math.abs(y) - 0.92f) * 5;
              Paints.mix(rgb, 0x4A3A1E, Math.min(1, tip));
            });
    k.add(body.bend(curve).turnZ(90), skin);
    Mesh stalk = Solids.tube(0.085, 0.065, 0, 1.02, 0, 0, 1.3, 0);
    k.add(stalk.bend(curve).turnZ(90), Surface.matte(0x6E6128));
    Mesh end = Solids.tube(0.07, 0.05, 0, -1.08, 0, 0, -1.16, 0);
    k.add(end.bend(curve).turnZ(90), Surface.matte(0x33291A));
  }

  private static void orange(Kit k) {
    Surface rind = k.main.with(Paints.mottled(22, 0.1, k.draw.below(1000)));
    k.add(Solids.ellipsoid(0.8, 0.76, 0.8).move(-0.35, 0.2, -0.5), rind);
    k.add(Outline.sheet(Outline.star(5, 0.12, 0.05)).turnX(-90).move(-0.35, 0.965, -0.5), Kit.LEAF);
    k.leaf(-0.3, 0.95, -0.5, 0.55, 80, 60);
    // a half in front, its segments towards the viewer
    Mesh half = Solids.lathe(0, -0.66, 0.3, -0.6, 0.56, -0.36, 0.68, 0, 0.68, 0.001);
    double x = 0.5;
    k.add(half.turnX(90).move(x, -0.2, 0.5), rind);
    k.add(Outline.disc(0.68).move(x, -0.2, 0.5), Surface.matte(0xF6E8C4));
    k.add(Outline.disc(0.6).move(x, -0.2, 0.51), k.plain.shade(1.25));
    for (int i = 0; i < 9; i++) {
      double c = Trig.cos(i / 9.0);
      double s = Trig.sin(i / 9.0);
      k.strand(
          Surface.matte(0xFBEFD2), 0.02, 0.03, x, -0.2, 0.53, x + 0.6 * c, -0.2 + 0.6 * s, 0.53);
    }
  }

  private static void lemon(Kit k) {
    k.add(
        Solids.turned(
                0, -1.05, 0.1, -1, 0.2, -0.88, 0.52, -0.62, 0.7, -0.1, 0.66, 0.3, 0.42, 0.7, 0.16,
                0.9, 0.09, 1, 0, 1.02)
            .turnZ(-70),
        k.main.with(Paints.mottled(16, 0.08, 5)));
    k.leaf(0.9, 0.38, 0, 0.6, 20, -20);
  }

  private static void cherries(Kit k) {
    double spread = k.in(0.42, 0.52);
    for (int side = -1; side <= 1; side += 2) {
      double x = side * spread;
      double y = -0.45 - 0.1 * side * k.in(0, 1);
      k.add(
          Solids.turned(0, -0.4, 0.22, -0.38, 0.42, -0.05, 0.34, 0.28, 0.14, 0.34, 0, 0.26)
              .move(x, y, 0));
      k.add(
          Solids.tube(
              0.025,
              0.03,
              Outline3.curve(x, y + 0.26, 0, x * 0.9, 0.4, 0, 0.05 * side, 0.85, 0, 0.1, 1.0, 0)),
          Surface.matte(0x5C6B2A));
    }
    k.leaf(0.1, 0.98, 0, 0.7, 90, 75);
  }

  private static void grapes(Kit k) {
    double r = 0.2;
    int[] perRow = {4, 5, 4, 3, 2, 1};
    for (int row = 0; row < perRow.length; row++) {
      for (int back = 0; back < 2; back++) {
        int n = Math.max(1, perRow[row] - back);
        for (int i = 0; i < n; i++) {
          double x = (i - (n - 1) / 2.0) * 0.36 + k.in(-0.04, 0.04);
          double z = back == 0 ? 0.16 - Math.abs(x) * 0.2 : -0.16;
          k.add(
              Solids.bead(r * k.in(0.92, 1.05)).move(x, 0.55 - row * 0.31 + k.in(-0.04, 0.04), z));
        }
      }
    }
    stem(k, 0, 0.55, 0.5);
    k.leaf(0, 0.78, 0.1, 0.75, 70, 75);
    k.leaf(0, 0.78, 0, 0.6, -80, 70);
  }

  private static void strawberry(Kit k) {
    double[] profile = {
      0, -0.95, 0.14, -0.9, 0.42, -0.5, 0.66, 0, 0.74, 0.38, 0.6, 0.64, 0.3, 0.68, 0, 0.64
    };
    k.add(Solids.turned(profile));
    double[] curve = Outline.through(profile, false, 6);
    for (int row = 1; row < 9; row++) {
      double y = -0.85 + row * 0.165;
      double radius = radius(curve, y);
      int n = (int) Math.rint(4 + radius * 14);
      for (int i = 0; i < n; i++) {
        double turn = (i + 0.5 * (row % 2)) / n;
        k.add(
            Solids.ellipsoid(0.022, 0.036, 0.016, 6, 4)
                .move(0, y, radius + 0.002)
                .turnY(360 * turn),
            Surface.gloss(0xF2D36B));
      }
    }
    for (int i = 0; i < 8; i++) {
      k.add(
          Outline.blade(0.5, 0.2, 0.3, 0.2, 0.4)
              .turnX(k.in(78, 100))
              .turnY(45 * i)
              .move(0, 0.68, 0),
          Kit.LEAF);
    }
    stem(k, 0, 0.66, 0.35);
  }

  /** The radius of a profile at a height. */
  private static double radius(double[] curve, double y) {
    for (int i = 0; i + 3 < curve.length; i += 2) {
      if (curve[i + 1] <= y && y <= curve[i + 3]) {
        double t = (y - curve[i + 1]) / Math.max(1e-9, curve[i + 3] - curve[i + 1]);
        return Trig.mix(curve[i], curve[i + 2], t);
      }
    }
    return 0;
  }

  private static void pineapple(Kit k) {
    Mesh body =
        Solids.grid(
            96,
            60,
            true,
            false,
            (u, v, p) -> {
              double y = -Trig.cos(0.5 * v);
              double r = Trig.pow(Trig.sin(0.5 * v), 0.7);
              double a = Math.abs(Trig.sin(4 * u + 3 * v));
              double b = Math.abs(Trig.sin(4 * u - 3 * v));
              double bump = 0.58 + 0.1 * Math.min(a, b);
              p[0] = bump * r * Trig.sin(u);
              p[1] = 0.85 * y - 0.35;
              p[2] = bump * r * Trig.cos(u);
            });
    Surface skin =
        k.main.with(
            (x, y, z, rgb) -> {
              float d = (float) Math.sqrt(x * x + z * z);
              float edge = (float) Math.sqrt(Math.max(0.02, 1 - (y + 0.35) * (y + 0.35) / 0.72));
              float groove = Math.clamp((0.615f - d / Math.max(0.3f, edge)) * 14, 0f, 1f);
              Paints.mix(rgb, 0x5A3A12, 0.6f * groove);
            });
    k.add(body, skin);
    for (int ring = 0; ring < 4; ring++) {
      int n = 9 - ring;
      for (int i = 0; i < n; i++) {
        k.add(
            Outline.blade(0.55 + 0.1 * ring, 0.16, 0.5, 0.3 - 0.1 * ring, 0.3)
                .turnX(52 - 15 * ring + k.in(-6, 6))
                .turnY(360.0 * (i + 0.5 * ring) / n)
                .move(0, 0.45, 0),
            ring % 2 == 0 ? Kit.LEAF : Kit.DARK_LEAF);
      }
    }
  }

  private static void watermelon(Kit k) {
    k.add(slice(1, 0.4), Surface.gloss(0x23501F));
    k.add(slice(0.93, 0.404), Surface.matte(0xE9EDC9));
    k.add(slice(0.87, 0.41), k.plain.shade(1.1));
    for (int i = 0; i < 11; i++) {
      double turn = -0.5 + 0.5 * (i + 0.5) / 11;
      double r = i % 2 == 0 ? 0.62 : 0.38;
      for (int side = -1; side <= 1; side += 2) {
        k.add(
            Solids.ellipsoid(0.028, 0.05, 0.02, 8, 6)
                .turnZ(360 * turn + 90)
                .move(r * Trig.cos(turn), r * Trig.sin(turn) + 0.3, 0.21 * side),
            Kit.BLACK);
      }
    }
  }

  private static Mesh slice(double r, double depth) {
    double[] out = new double[2 * 33];
    for (int i = 0; i < 33; i++) {
      out[2 * i] = r * Trig.cos(-0.5 + 0.5 * i / 32);
      out[2 * i + 1] = r * Trig.sin(-0.5 + 0.5 * i / 32) + 0.3;
    }
    return Outline.plate(depth, 0, out);
  }

  private static void pumpkin(Kit k) {
    int lobes = 9 + k.draw.below(4);
    double tall = k.in(0.68, 0.82);
    k.add(
        Solids.grid(
            lobes * 10,
            28,
            true,
            false,
            (u, v, p) -> {
              double y = -Trig.cos(0.5 * v);
              double r = Trig.sin(0.5 * v);
              double lobe = 0.88 + 0.12 * Math.sqrt(Math.abs(Trig.sin(lobes * u / 2)));
              double dent = 1 - 0.28 * Trig.pow(1 - r, 2);
              p[0] = lobe * r * Trig.sin(u);
              p[1] = tall * y * dent * lobe;
              p[2] = lobe * r * Trig.cos(u);
            }));
    double x = k.in(-0.15, 0.15);
    k.add(
        Solids.tube(0.15, 0.09, 0, tall * 0.5, 0, 0.02, tall + 0.1, 0, x, tall + 0.32, 0),
        Surface.matte(0x5E6A33));
  }

  private static void carrot(Kit k) {
    int salt = k.draw.below(1000);
    Surface skin =
        k.main.with(
            (x, y, z, rgb) -> {
              float ring = Noise.value(x * 2, y * 24, z * 2, salt);
              Paints.times(rgb, ring > 0.72f ? 0.8f : 1);
            });
    k.add(
        Solids.turned(
            0, -1.15, 0.05, -1.1, 0.12, -0.7, 0.22, -0.2, 0.32, 0.3, 0.36, 0.5, 0.26, 0.64, 0.08,
            0.62, 0, 0.6),
        skin);
    for (int i = 0; i < 9; i++) {
      double turn = 360.0 * i / 9;
      double lean = k.in(5, 32);
      Mesh stalk = Solids.tube(6, 0.03, 0.015, 0, 0, 0, 0, 0.45, 0.02, 0, 0.85, 0.1);
      k.add(stalk.turnX(lean).turnY(turn).move(0, 0.6, 0), Kit.LEAF);
      for (int j = 0; j < 8; j++) {
        double up = 0.3 + 0.07 * j;
        Mesh leaf = Outline.blade(0.24, 0.09, 0.2, 0.1, 0.5);
        k.add(
            leaf.turnZ(j % 2 == 0 ? 55 : -55)
                .move(0, up, 0.03)
                .turnX(lean)
                .turnY(turn)
                .move(0, 0.6, 0),
            Kit.LEAF);
      }
    }
  }

  private static void mushroom(Kit k) {
    k.add(
        Solids.turned(0, -0.95, 0.28, -0.95, 0.34, -0.8, 0.26, -0.4, 0.24, 0.05, 0.3, 0.2, 0, 0.22),
        Surface.matte(0xEFE6D2));
    k.add(
        Solids.lathe(
            Outline.through(
                new double[] {
                  0.2, 0.12, 0.6, 0.02, 0.95, -0.02, 1.0, 0.08, 0.85, 0.46, 0.5, 0.78, 0, 0.9
                },
                false,
                6)));
    if (k.material != Material.DOTTED && k.material != Material.STRIPED) {
      for (int i = 0; i < 22; i++) {
        double lift = k.in(20, 85);
        double turn = 137.5 * i;
        double s = Trig.sin(lift / 360);
        double c = Trig.cos(lift / 360);
        Mesh spot = Solids.ellipsoid(k.in(0.07, 0.13), 0.02, k.in(0.07, 0.12), 14, 6);
        k.add(
            spot.turnX(90 - lift).move(0, 0.03 + 0.87 * s, 0.97 * c).turnY(turn),
            Surface.matte(0xF5F0E2));
      }
    }
  }

  private static void eggplant(Kit k) {
    Mesh body =
        Solids.turned(
            0, -1, 0.3, -0.96, 0.52, -0.65, 0.5, -0.2, 0.36, 0.3, 0.27, 0.65, 0.16, 0.78, 0, 0.8);
    k.add(body.bend(3.2));
    for (int i = 0; i < 6; i++) {
      Mesh sepal = Outline.blade(0.42, 0.24, 0.2, 0.35, 0.35);
      k.add(sepal.turnX(135).turnY(60 * i).move(0, 0.84, 0).bend(3.2), Kit.LEAF);
    }
    k.add(Solids.tube(0.08, 0.06, 0, 0.72, 0, 0, 0.95, 0, 0.03, 1.15, 0).bend(3.2), Kit.LEAF);
  }

  private static void chili(Kit k) {
    double curve = k.in(1.0, 1.8);
    Mesh body =
        Solids.turned(
            0, -1.1, 0.03, -1.05, 0.12, -0.6, 0.2, 0, 0.24, 0.5, 0.22, 0.72, 0.1, 0.82, 0, 0.82);
    k.add(body.bend(curve));
    k.add(Solids.turned(0.24, 0.7, 0.2, 0.84, 0.08, 0.9, 0.05, 0.95).bend(curve), Kit.LEAF);
    k.add(Solids.tube(0.045, 0.05, 0, 0.85, 0, 0, 1.1, 0, 0.03, 1.25, 0).bend(curve), Kit.LEAF);
  }
}
