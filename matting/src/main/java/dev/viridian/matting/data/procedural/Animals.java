package dev.viridian.matting.data.procedural;

import java.util.List;

/** Animals. */
final class Animals {
  private static final Surface BEAK = Surface.matte(0xEE9A22);

  private Animals() {}

  static List<Noun> nouns() {
    Pose side = new Pose(35, 2, 22, 8);
    return List.of(
        Noun.of("butterfly", new Pose(25, -5, 30, 40), Animals::butterfly).soft(),
        Noun.of("dragonfly", new Pose(20, -5, 25, 60), Animals::dragonfly)
            .of(Material.GLOSSY, Material.METAL),
        Noun.of("fish", side, Animals::fish).any().natural("orange", "blue", "red"),
        Noun.of("bird", side, Animals::bird).of(Material.MATTE),
        Noun.of("rubber duck", new Pose(50, 4, 22, 8), Animals::duck)
            .of(Material.GLOSSY, Material.MATTE, Material.DOTTED)
            .natural("yellow"),
        Noun.of("penguin", Pose.FACING, Animals::penguin)
            .of(Material.MATTE, Material.GLOSSY)
            .natural("black", "grey", "blue"),
        Noun.of("snail", side, Animals::snail).soft().natural("brown", "orange"),
        Noun.of("ladybug", new Pose(50, 25, 60, 30), Animals::ladybug)
            .of(Material.GLOSSY)
            .natural("red", "orange"),
        Noun.of("spider", new Pose(20, -30, 10, 40), k -> spider(k, 0, 0, 0, 1))
            .of(Material.MATTE, Material.GLOSSY)
            .natural("black", "brown"),
        Noun.of("jellyfish", Pose.STANDING, Animals::jellyfish).of(Material.GLASS),
        Noun.of("starfish", new Pose(25, -10, 25, 40), Animals::starfish)
            .of(Material.MATTE, Material.DOTTED)
            .natural("orange", "red"),
        Noun.of("turtle", new Pose(60, 14, 40, 8), Animals::turtle)
            .of(Material.MATTE, Material.GLOSSY)
            .natural("olive", "emerald", "brown"),
        Noun.of("octopus", Pose.FACING, Animals::octopus)
            .of(Material.MATTE, Material.GLOSSY, Material.DOTTED)
            .natural("purple", "red", "orange"));
  }

  private static void butterfly(Kit k) {
    double[] upper =
        Outline.smooth(
            0.03, 0.05, 0.35, 0.1, 0.8, 0.22, 1.05, 0.6, 1.1, 0.95, 0.85, 1.0, 0.45, 0.72, 0.12,
            0.3);
    double[] lower =
        Outline.smooth(
            0.03, 0.02, 0.14, -0.3, 0.3, -0.75, 0.55, -0.88, 0.8, -0.65, 0.82, -0.25, 0.55, 0.02,
            0.25, 0.1);
    double open = k.in(10, 32);
    Surface border = Surface.matte(0x1D1714);
    for (int side = -1; side <= 1; side += 2) {
      for (double[] wing : List.of(upper, lower)) {
        boolean first = wing == upper;
        Mesh edge = Outline.sheet(wing);
        k.add(edge.turnY(-open).scale(side, 1, 1), border);
        Mesh inner =
            Outline.sheet(wing)
                .scale(0.8, 0.78, 1)
                .move(first ? 0.07 : 0.06, first ? 0.07 : -0.05, 0.012);
        k.add(inner.turnY(-open).scale(side, 1, 1));
        for (int i = 0; i < 4; i++) {
          double t = i / 3.0;
          double x = first ? Trig.mix(0.9, 1.02, t) : Trig.mix(0.45, 0.78, t);
          double y = first ? Trig.mix(0.42, 0.88, t) : Trig.mix(-0.8, -0.4, t);
          k.add(
              Outline.disc(0.03).move(x, y, 0.02).turnY(-open).scale(side, 1, 1),
              Surface.matte(0xF4F0E4));
        }
        double cx = first ? 0.58 : 0.42;
        double cy = first ? 0.5 : -0.38;
        k.add(Outline.disc(0.11).move(cx, cy, 0.025).turnY(-open).scale(side, 1, 1), k.shade(0.5));
      }
      k.strand(
          border,
          0.014,
          0.01,
          Outline3.curve(0.02 * side, 0.42, 0, 0.1 * side, 0.7, 0.05, 0.26 * side, 0.88, 0.1));
      k.add(Solids.bead(0.03).move(0.26 * side, 0.88, 0.1), border);
    }
    k.add(Solids.ellipsoid(0.07, 0.48, 0.08, 20, 16).move(0, -0.05, 0.02), border);
    k.add(Solids.bead(0.09).move(0, 0.42, 0.02), border);
  }

  private static void dragonfly(Kit k) {
    Surface wing = Surface.glass(0xC9DDE8);
    Surface vein = Surface.matte(0x30363C);
    double[] outline =
        Outline.smooth(0.02, 0, 0.5, 0.1, 1.0, 0.12, 1.18, 0.02, 1.0, -0.14, 0.4, -0.1);
    for (int side = -1; side <= 1; side += 2) {
      for (int pair = 0; pair < 2; pair++) {
        double turn = pair == 0 ? 14 : -12;
        double y = pair == 0 ? 0.42 : 0.26;
        k.add(Outline.sheet(outline).turnZ(turn).scale(side, 1, 1).move(0, y, 0.03), wing);
        double c = Trig.cos(turn / 360);
        double s = Trig.sin(turn / 360);
        for (int i = 0; i < 5; i++) {
          double v = (i - 2) * 0.045;
          k.strand(
              vein,
              0.006,
              0.004,
              side * 0.1 * c,
              y + 0.1 * s,
              0.04,
              side * (0.6 * c - v * s),
              y + 0.6 * s + v * c,
              0.04,
              side * (1.1 * c - v * s),
              y + 1.1 * s + v * 0.9 * c,
              0.04);
        }
      }
    }
    k.add(Solids.ellipsoid(0.12, 0.24, 0.13, 24, 14).move(0, 0.36, 0));
    k.add(Solids.bead(0.12).move(0, 0.66, 0));
    for (int side = -1; side <= 1; side += 2) {
      k.add(Solids.bead(0.09).move(0.08 * side, 0.7, 0.05), Kit.BLACK);
    }
    for (int i = 0; i < 9; i++) {
      k.add(
          Solids.ellipsoid(0.055, 0.09, 0.055, 14, 8).move(0, 0.1 - 0.14 * i, 0),
          i % 2 == 0 ? k.main : k.shade(0.7));
    }
  }

  private static void fish(Kit k) {
    double tall = k.in(0.42, 0.6);
    double[] body =
        Outline.smooth(
            -0.98,
            0,
            -0.6,
            -tall * 0.75,
            0,
            -tall,
            0.5,
            -tall * 0.5,
            0.8,
            -0.1,
            0.8,
            0.1,
            0.5,
            tall * 0.5,
            0,
            tall,
            -0.6,
            tall * 0.75);
    k.add(Outline.cushion(0.28, -0.1, 0, body));
    Surface fin = k.shade(0.78);
    double[] tail =
        Outline.smooth(
            0.72, -0.06, 1.05, -0.3, 1.3, -0.5, 1.18, 0, 1.3, 0.5, 1.05, 0.3, 0.72, 0.06);
    k.add(Outline.plate(0.05, 0, tail), fin);
    double[] back = {-0.35, tall * 0.85, 0.4, tall * 0.55, 0.3, tall + 0.26, -0.1, tall + 0.3};
    k.add(Outline.plate(0.04, 0, back), fin);
    double[] belly = {-0.1, -tall * 0.85, 0.05, -tall - 0.24, 0.32, -tall - 0.2, 0.4, -tall * 0.55};
    k.add(Outline.plate(0.04, 0, belly), fin);
    for (int side = -1; side <= 1; side += 2) {
      Mesh small = Outline.blade(0.42, 0.26, 0.1, 0.2, 0.65).turnZ(-115).turnY(-20);
      k.add(small.move(-0.2, -0.1, 0.27).scale(1, 1, side), fin);
      Mesh white = Solids.ellipsoid(0.1, 0.1, 0.05, 20, 10);
      k.add(white.move(-0.62, 0.1, 0.2 * side), Kit.WHITE);
      k.add(Solids.bead(0.055).move(-0.63, 0.1, 0.235 * side), Kit.BLACK);
    }
  }

  private static void bird(Kit k) {
    k.add(Solids.ellipsoid(0.62, 0.44, 0.4).turnZ(18));
    k.add(Solids.ball(0.3).move(0.52, 0.45, 0));
    k.add(
        Solids.ellipsoid(0.45, 0.32, 0.34, 32, 16).turnZ(18).move(0.12, -0.13, 0),
        k.plain.shade(1.7));
    k.add(Solids.cone(0.09, 0, 0, 0.28).turnZ(-97).move(0.78, 0.44, 0), BEAK);
    k.add(
        Outline.plate(0.14, 0, -1.3, -0.35, -0.45, -0.2, -0.45, 0.12, -1.36, -0.12), k.shade(0.7));
    for (int side = -1; side <= 1; side += 2) {
      double[] wing =
          Outline.smooth(
              0.32, 0.12, 0.15, -0.2, -0.3, -0.34, -0.85, -0.28, -0.5, 0.0, -0.1, 0.24, 0.2, 0.28);
      k.add(Outline.cushion(0.07, -0.1, 0, wing).move(0, 0.04, 0.37 * side), k.shade(0.68));
      k.add(Solids.bead(0.05).move(0.62, 0.52, 0.24 * side), Kit.BLACK);
      double x = 0.08;
      double z = 0.13 * side;
      k.strand(BEAK, 0.028, 0.024, x, -0.38, z, x, -0.8, z);
      for (int toe = -1; toe <= 1; toe++) {
        k.strand(BEAK, 0.024, 0.014, x, -0.8, z, x + 0.2, -0.85, z + 0.1 * toe);
      }
      k.strand(BEAK, 0.024, 0.014, x, -0.8, z, x - 0.14, -0.84, z);
    }
  }

  private static void duck(Kit k) {
    Mesh body =
        Solids.grid(
            48,
            28,
            true,
            false,
            (u, v, p) -> {
              double h = -Trig.cos(0.5 * v);
              double r = Trig.sin(0.5 * v);
              double x = -r * Trig.cos(u);
              double z = r * Trig.sin(u);
              double tail = Trig.smooth(0.4, 1, -x);
              p[0] = 0.85 * x - 0.18 * tail;
              p[1] = 0.5 * h + 0.32 * tail;
              p[2] = 0.62 * z * (1 - 0.3 * tail);
            });
    k.add(body);
    k.add(Solids.ball(0.44).move(0.45, 0.72, 0));
    Mesh bill = Solids.ellipsoid(0.26, 0.075, 0.19, 28, 12);
    k.add(bill.turnZ(8).move(0.88, 0.66, 0), BEAK);
    for (int side = -1; side <= 1; side += 2) {
      double[] wing =
          Outline.smooth(0.2, 0.05, 0, -0.16, -0.35, -0.14, -0.62, 0.16, -0.3, 0.18, 0.05, 0.2);
      k.add(Outline.cushion(0.09, -0.1, 0.02, wing).turnY(-8 * side).move(0.05, 0.1, 0.58 * side));
      k.add(Solids.bead(0.065).move(0.66, 0.86, 0.31 * side), Kit.BLACK);
    }
  }

  private static void penguin(Kit k) {
    k.add(
        Solids.turned(
            0, -1, 0.35, -0.98, 0.56, -0.6, 0.54, -0.1, 0.38, 0.35, 0.36, 0.6, 0.28, 0.82, 0,
            0.95));
    k.add(Solids.ellipsoid(0.43, 0.62, 0.4).move(0, -0.38, 0.19), Kit.WHITE);
    for (int side = -1; side <= 1; side += 2) {
      k.add(Solids.ellipsoid(0.15, 0.17, 0.1, 24, 12).move(0.14 * side, 0.58, 0.28), Kit.WHITE);
      k.add(Solids.bead(0.05).move(0.14 * side, 0.6, 0.38), Kit.BLACK);
      k.add(Solids.ellipsoid(0.09, 0.48, 0.2, 24, 16).turnZ(18 * side).move(0.58 * side, -0.18, 0));
      k.add(Solids.ellipsoid(0.2, 0.06, 0.28, 20, 10).move(0.22 * side, -1, 0.22), BEAK);
    }
    k.add(Solids.cone(0.09, 0, 0, 0.26).turnX(82).move(0, 0.48, 0.34), BEAK);
  }

  private static void snail(Kit k) {
    double turns = 2.6;
    double[] spiral =
        Outline3.of(
            70,
            (t, p) -> {
              double r = 0.56 * Trig.pow(t + 0.02, 0.85);
              double a = 0.7 - turns * (1 - t);
              p[0] = r * Trig.cos(a) - 0.1;
              p[1] = r * Trig.sin(a) + 0.2;
              p[2] = 0.22 * (1 - t);
            });
    for (int side = -1; side <= 1; side += 2) {
      k.add(Solids.tube(18, 0.04, 0.3, spiral).scale(1, 1, side));
    }
    Surface skin = Surface.gloss(0xC9A878);
    double[] foot =
        Outline3.curve(
            -1.2, -0.58, 0, -0.6, -0.52, 0, 0.2, -0.5, 0, 0.75, -0.46, 0, 0.95, -0.2, 0, 1.02, 0.08,
            0);
    k.add(Solids.tube(18, 0.03, 0.19, foot), skin);
    k.add(Solids.ellipsoid(0.21, 0.2, 0.2, 24, 12).move(1.03, 0.12, 0), skin);
    k.add(Solids.ellipsoid(0.85, 0.1, 0.25, 32, 12).move(-0.1, -0.6, 0), skin);
    for (int side = -1; side <= 1; side += 2) {
      double z = 0.1 * side;
      k.add(
          Solids.tube(8, 0.035, 0.03, 1.06, 0.25, z, 1.16, 0.5, 1.3 * z, 1.2, 0.66, 1.6 * z), skin);
      k.add(Solids.bead(0.055).move(1.2, 0.68, 1.6 * z), Kit.BLACK);
      k.add(Solids.tube(8, 0.025, 0.02, 1.2, 0.06, z, 1.36, 0.0, 1.5 * z), skin);
    }
  }

  private static void ladybug(Kit k) {
    Surface shell =
        k.plain.with(
            (x, y, z, rgb) -> {
              boolean seam = Math.abs(x) < 0.025f;
              float ax = Math.abs(x);
              boolean spot =
                  near(ax - 0.32f, z - 0.3f, 0.15f)
                      || near(ax - 0.52f, z + 0.15f, 0.14f)
                      || near(ax - 0.25f, z + 0.5f, 0.13f)
                      || near(ax - 0.0f, z - 0.62f, 0.12f);
              if (seam || spot) {
                Paints.set(rgb, 0.08f, 0.07f, 0.07f);
              }
            });
    k.add(
        Solids.lathe(Outline.through(new double[] {0.8, 0, 0.76, 0.25, 0.5, 0.5, 0, 0.6}, false, 8))
            .scale(0.95, 1, 1.12),
        shell);
    k.add(Solids.ellipsoid(0.45, 0.3, 0.3).move(0, 0.14, 0.86), Kit.BLACK);
    k.add(Solids.ellipsoid(0.72, 0.1, 0.85, 32, 8), Kit.BLACK);
    for (int side = -1; side <= 1; side += 2) {
      k.add(Solids.bead(0.09).move(0.25 * side, 0.28, 1.02), Kit.WHITE);
      k.strand(
          Kit.BLACK,
          0.03,
          0.02,
          Outline3.curve(0.12 * side, 0.3, 1.08, 0.25 * side, 0.5, 1.3, 0.42 * side, 0.5, 1.4));
      for (int i = -1; i <= 1; i++) {
        double z = 0.5 * i;
        k.strand(
            Kit.BLACK,
            0.05,
            0.03,
            0.6 * side,
            0.02,
            z,
            0.98 * side,
            0.06,
            z * 1.2,
            1.12 * side,
            -0.16,
            z * 1.35);
      }
    }
  }

  private static boolean near(float dx, float dz, float r) {
    return dx * dx + dz * dz < r * r;
  }

  /** A spider of some size at a place, its head up. */
  static void spider(Kit k, double x, double y, double z, double size) {
    Surface skin = size < 1 ? Kit.RUBBER : k.main;
    k.add(
        Solids.ellipsoid(0.36, 0.44, 0.36, 32, 16)
            .move(0, -0.35, 0.1)
            .turnX(0)
            .scale(size)
            .move(x, y, z),
        skin);
    k.add(
        Solids.ellipsoid(0.22, 0.25, 0.2, 24, 12).move(0, 0.2, 0.05).scale(size).move(x, y, z),
        skin);
    for (int side = -1; side <= 1; side += 2) {
      Mesh eye = Solids.bead(0.05).move(0.08 * side, 0.42, 0.12).scale(size).move(x, y, z);
      k.add(eye, Kit.WHITE);
      for (int i = 0; i < 4; i++) {
        double up = 0.9 - 0.55 * i;
        double[] leg =
            Outline3.curve(
                0.15 * side,
                0.25 - 0.08 * i,
                0.05,
                0.55 * side,
                0.1 + up * 0.55,
                0.42,
                0.85 * side,
                up * 0.8,
                0.25,
                1.08 * side,
                up * 1.15,
                -0.2);
        k.add(Solids.tube(6, 0.045, 0.018, leg).scale(size).move(x, y, z), skin);
      }
    }
  }

  private static void jellyfish(Kit k) {
    Mesh bell =
        Solids.lathe(
            Outline.through(
                new double[] {0.5, -0.02, 0.78, 0.0, 0.76, 0.3, 0.52, 0.66, 0, 0.8}, false, 6));
    k.add(bell);
    k.add(bell.copy().scale(0.7, 0.72, 0.7).move(0, 0.08, 0), k.plain.shade(0.85));
    for (int i = 0; i < 15; i++) {
      double turn = i / 15.0;
      double r = 0.7;
      double wave = k.in(1.4, 2.6);
      double phase = k.draw.unit();
      double length = k.in(0.9, 1.6);
      k.strand(
          k.plain.shade(0.95).with(Surface.Finish.GLOSS),
          0.016,
          0.004,
          Outline3.of(
              20,
              (t, p) -> {
                p[0] = r * (1 - 0.35 * t) * Trig.sin(turn) + 0.09 * t * Trig.sin(wave * t + phase);
                p[1] = -length * t;
                p[2] = r * (1 - 0.35 * t) * Trig.cos(turn);
              }));
    }
    for (int i = 0; i < 5; i++) {
      double x = 0.14 * (i - 2);
      double phase = k.draw.unit();
      double[] arm =
          Outline3.of(
              18,
              (t, p) -> {
                p[0] = x + 0.1 * Trig.sin(2.2 * t + phase) * t;
                p[1] = 0.2 - 1.25 * t;
                p[2] = 0.1 * Trig.cos(2 * t + phase);
              });
      k.add(Solids.tube(8, 0.09, 0.02, arm), k.plain);
    }
  }

  private static void starfish(Kit k) {
    double[] outline = Outline.through(Outline.star(5, 1, 0.36), true, 5);
    Surface skin =
        k.main.with(k.material == Material.DOTTED ? k.main.paint() : Paints.mottled(14, 0.18, 6));
    k.add(Outline.cushion(0.24, 0, 0, outline), skin);
    for (int arm = 0; arm < 5; arm++) {
      for (int i = 1; i < 8; i++) {
        double r = 0.11 * i;
        double z = 0.24 * Math.sqrt(Math.max(0, 1 - r * r)) + 0.005;
        k.add(
            Solids.ellipsoid(0.035, 0.035, 0.03, 10, 6).move(0, r, z).turnZ(72 * arm),
            k.plain.shade(1.6));
      }
    }
  }

  private static void turtle(Kit k) {
    Surface shell =
        k.main.with(
            (x, y, z, rgb) -> {
              float a = x * 3.2f + 20.5f;
              float b = z * 3.2f + ((int) a & 1) * 0.5f + 20;
              float u = a - (int) a - 0.5f;
              float v = b - (int) b - 0.5f;
              boolean line = Math.max(Math.abs(u), Math.abs(v)) > 0.41f;
              Paints.times(rgb, line ? 0.5f : 1.1f);
            });
    Mesh dome =
        Solids.lathe(
            Outline.through(new double[] {0.82, -0.06, 0.8, 0.1, 0.58, 0.44, 0, 0.6}, false, 6));
    k.add(dome.scale(1, 1, 1.15), shell);
    Surface skin = Surface.matte(0x8A9A4A);
    k.add(Solids.ellipsoid(0.74, 0.12, 0.86, 32, 10).move(0, -0.08, 0), Surface.matte(0xD9C98A));
    double[] neck = Outline3.curve(0, -0.05, 0.8, 0, 0.1, 1.1, 0, 0.26, 1.2);
    k.add(Solids.tube(14, 0.17, 0.15, neck), skin);
    k.add(Solids.ellipsoid(0.2, 0.19, 0.25, 28, 14).move(0, 0.32, 1.28), skin);
    for (int side = -1; side <= 1; side += 2) {
      k.add(Solids.bead(0.045).move(0.15 * side, 0.4, 1.4), Kit.BLACK);
      for (int end = -1; end <= 1; end += 2) {
        Mesh leg = Solids.ellipsoid(0.2, 0.24, 0.26, 24, 12);
        k.add(leg.move(0.66 * side, -0.24, 0.62 * end), skin);
      }
    }
    k.add(Solids.cone(0.1, 0, 0, 0.3).turnX(-100).move(0, -0.1, -0.9), skin);
  }

  private static void octopus(Kit k) {
    k.add(Solids.ellipsoid(0.55, 0.62, 0.52).move(0, 0.42, 0));
    for (int i = 0; i < 8; i++) {
      double turn = 360.0 * i / 8 + 22.5;
      double curl = k.in(0.15, 0.4);
      double[] arm =
          Outline3.curve(
              0,
              0.05,
              0.3,
              0,
              -0.28,
              0.5,
              0,
              -0.62,
              0.8,
              0,
              -0.62,
              1.15,
              0,
              -0.62 + curl,
              1.32,
              0,
              -0.5 + curl,
              1.12);
      k.add(Solids.tube(14, 0.2, 0.04, arm).turnY(turn));
    }
    for (int side = -1; side <= 1; side += 2) {
      k.add(Solids.ball(0.15).scale(1).move(0.2 * side, 0.35, 0.45), Kit.WHITE);
      k.add(Solids.bead(0.075).move(0.2 * side, 0.35, 0.56), Kit.BLACK);
    }
  }
}
