package dev.viridian.matting.data.procedural;

import java.util.List;

/** Things of hair, wire and thread: most of what they cover is partly covered. */
final class Threads {
  private Threads() {}

  static List<Noun> nouns() {
    Pose flat = Pose.FLAT;
    return List.of(
        Noun.of("fur ball", Pose.FACING, Threads::furBall)
            .called("fluffy * fur ball")
            .of(Material.MATTE),
        Noun.of("hair ball", Pose.FACING, Threads::hairBall)
            .called("tangled ball of * hair")
            .of(Material.MATTE)
            .natural("brown", "black", "yellow", "grey"),
        Noun.of("yarn ball", Pose.FACING, Threads::yarnBall)
            .called("ball of * yarn")
            .of(Material.MATTE),
        Noun.of("feather", Pose.LOOSE, Threads::feather)
            .of(Material.MATTE)
            .natural("white", "grey", "brown"),
        Noun.of("wire cube", new Pose(45, 12, 32, 12), Threads::wireCube)
            .called("* wire frame cube")
            .of(Material.METAL, Material.MATTE, Material.GLOSSY),
        Noun.of("wire sphere", new Pose(180, 12, 35, 25), Threads::wireSphere)
            .called("* wire frame sphere")
            .of(Material.METAL, Material.MATTE, Material.GLOSSY),
        Noun.of("lace", flat, Threads::lace)
            .called("round piece of * lace")
            .of(Material.MATTE)
            .natural("white", "white", "black", "pink"),
        Noun.of("net", new Pose(40, 10, 35, 20), Threads::net)
            .called("* hand net")
            .of(Material.MATTE),
        Noun.of("spider web", flat, Threads::web).of(Material.MATTE).natural("white", "grey"),
        Noun.of("spring", new Pose(180, 8, 25, 40), Threads::spring)
            .called("* coil spring")
            .of(Material.METAL, Material.GLOSSY),
        Noun.of("chain", Pose.LOOSE, Threads::chain).of(Material.METAL).natural("grey", "yellow"),
        Noun.of("snowflake", flat, Threads::snowflake)
            .of(Material.GLASS, Material.MATTE, Material.GLOSSY)
            .natural("white", "blue"),
        Noun.of("birdcage", Pose.STANDING, Threads::birdcage)
            .of(Material.METAL, Material.MATTE)
            .natural("yellow", "white", "black"));
  }

  private static Surface[] shades(Kit k, double by) {
    return new Surface[] {
      k.plain, k.plain.shade(1 - by), k.plain.shade(1 + by), k.plain.shade(1 - by / 2)
    };
  }

  private static void furBall(Kit k) {
    Surface[] fur = shades(k, 0.28);
    k.add(Solids.ball(0.66), fur[1]);
    for (int i = 0; i < 3200; i++) {
      double[] d = k.draw.direction();
      double length = k.in(0.24, 0.42);
      double[] e = {k.draw.around(0.12), k.draw.around(0.12) - 0.1, k.draw.around(0.12)};
      double[] path = new double[9];
      for (int j = 0; j < 3; j++) {
        double r = 0.62 + length * j / 2;
        for (int c = 0; c < 3; c++) {
          path[3 * j + c] = r * d[c] + e[c] * j * j / 4 * 2;
        }
      }
      k.strand(fur[i % 4], 0.011, 0.002, path);
    }
    if (k.draw.chance(0.4)) {
      for (int side = -1; side <= 1; side += 2) {
        Mesh eye = Solids.ellipsoid(0.16, 0.16, 0.08, 24, 12);
        k.add(eye.move(0.27 * side, 0.15, 0.93), Kit.WHITE);
        k.add(Solids.bead(0.075).move(0.26 * side, 0.14, 1.0), Kit.BLACK);
      }
    }
  }

  private static void hairBall(Kit k) {
    Surface[] hair = shades(k, 0.35);
    for (int i = 0; i < 230; i++) {
      double[] a = k.draw.direction();
      double[] b = k.draw.direction();
      double r = k.in(0.35, 0.8);
      double stray = k.draw.chance(0.2) ? k.in(0.1, 0.35) : 0;
      double from = k.draw.unit();
      double wave = k.in(1, 4);
      double[] path =
          Outline3.of(
              26,
              (t, p) -> {
                double turn = from + 0.8 * t;
                double s = r * (1 + 0.12 * Trig.sin(wave * t)) + stray * t * t;
                for (int c = 0; c < 3; c++) {
                  p[c] = s * (a[c] * Trig.cos(turn) + b[c] * Trig.sin(turn));
                }
              });
      k.strand(hair[i % 4], 0.009, 0.007, path);
    }
  }

  private static void yarnBall(Kit k) {
    Surface[] yarn = shades(k, 0.2);
    k.add(Solids.ball(0.83), yarn[1]);
    for (int bundle = 0; bundle < 9; bundle++) {
      double tilt = k.in(-90, 90);
      double turn = k.in(0, 180);
      for (int i = 0; i < 9; i++) {
        double off = (i - 4) * 0.085;
        double r = Math.sqrt(1 - off * off) * 0.88;
        k.add(
            ring(r, 0.042, 36)
                .move(0, off * 0.88, 0)
                .scale(1 + 0.008 * bundle)
                .turnX(tilt)
                .turnY(turn),
            yarn[(i + bundle) % 4]);
      }
    }
    double[] end =
        Outline3.curve(
            0.3, -0.88, 0.3, 0.9, -0.93, 0.35, 1.2, -0.9, 0.1, 1.45, -0.93, 0.3, 1.6, -0.92, 0.1);
    k.add(Solids.tube(8, 0.042, 0.04, end), k.plain);
  }

  private static void feather(Kit k) {
    double bend = k.in(-0.35, 0.35);
    Surface[] barbs = shades(k, 0.14);
    double[] shaft =
        Outline3.of(
            30,
            (t, p) -> {
              p[0] = bend * t * t;
              p[1] = 2.4 * t - 1.2;
              p[2] = 0.1 * t;
            });
    k.add(Solids.tube(8, 0.03, 0.005, shaft), Surface.matte(0xEFE8D6));
    int split = 60 + k.draw.below(60);
    for (int i = 0; i < 230; i++) {
      double t = 0.2 + 0.79 * i / 230;
      for (int side = -1; side <= 1; side += 2) {
        boolean fluff = t < 0.32;
        double wide = 0.44 * Trig.pow(Trig.sin(0.5 * Trig.pow((t - 0.14) / 0.88, 0.8)), 0.6);
        double length = wide * (fluff ? k.in(0.7, 1.1) : k.in(0.95, 1.02)) * (side > 0 ? 1 : 0.8);
        double gap = Math.abs(i - split) < 3 ? 0.16 : 0;
        double rise = (fluff ? k.in(0.0, 0.3) : 0.62) + gap;
        double curl = fluff ? k.draw.around(0.3) : 0;
        double x0 = bend * t * t;
        double y0 = 2.4 * t - 1.2;
        int way = side;
        double[] path =
            Outline3.of(
                5,
                (s, p) -> {
                  p[0] = x0 + way * length * s * (1 - 0.15 * s) + bend * 0.3 * s * length;
                  p[1] = y0 + length * (rise * s + 0.35 * s * s + curl * s * s * s);
                  p[2] = 0.1 * t + 0.12 * s * length;
                });
        k.strand(barbs[i % 4], fluff ? 0.006 : 0.0085, 0.003, path);
      }
    }
  }

  private static void wireCube(Kit k) {
    double thick = k.in(0.012, 0.03);
    for (int axis = 0; axis < 3; axis++) {
      for (int corner = 0; corner < 4; corner++) {
        double[] p = new double[6];
        for (int end = 0; end < 2; end++) {
          p[3 * end + axis] = end == 0 ? -0.8 : 0.8;
          p[3 * end + (axis + 1) % 3] = (corner & 1) == 0 ? -0.8 : 0.8;
          p[3 * end + (axis + 2) % 3] = (corner & 2) == 0 ? -0.8 : 0.8;
        }
        k.add(Solids.tube(8, thick, thick, p));
      }
    }
    for (int corner = 0; corner < 8; corner++) {
      k.add(
          Solids.bead(thick * 1.7)
              .move(
                  (corner & 1) == 0 ? -0.8 : 0.8,
                  (corner & 2) == 0 ? -0.8 : 0.8,
                  (corner & 4) == 0 ? -0.8 : 0.8));
    }
  }

  private static void wireSphere(Kit k) {
    double thick = k.in(0.008, 0.02);
    int n = 6 + k.draw.below(3);
    for (int i = 0; i < n; i++) {
      k.add(ring(1, thick, 60).turnX(90).turnY(180.0 * i / n));
    }
    for (int i = 1; i < n; i++) {
      double y = -Trig.cos(0.5 * i / n);
      k.add(ring(Math.sqrt(1 - y * y), thick, 60).move(0, y, 0));
    }
  }

  /** A thin ring in the x-z plane. */
  private static Mesh ring(double radius, double thick, int pieces) {
    return Solids.tube(
        6,
        thick,
        thick,
        Outline3.of(
            pieces,
            (t, p) -> {
              p[0] = radius * Trig.sin(t);
              p[1] = 0;
              p[2] = radius * Trig.cos(t);
            }));
  }

  private static void circle(Kit k, double x, double y, double r, double thick) {
    k.strand(
        k.plain,
        thick,
        thick,
        Outline3.of(
            Math.max(10, (int) (60 * r)),
            (t, p) -> {
              p[0] = x + r * Trig.cos(t);
              p[1] = y + r * Trig.sin(t);
              p[2] = 0;
            }));
  }

  private static void lace(Kit k) {
    int n = 10 + 2 * k.draw.below(4);
    double[] rings = {0.12, 0.34, 0.37, 0.62, 0.66, 0.84};
    for (double r : rings) {
      circle(k, 0, 0, r, 0.012);
    }
    for (int i = 0; i < n; i++) {
      double turn = (double) i / n;
      petal(k, turn, 0.12, 0.34, 0.4 / n);
      petal(k, turn + 0.5 / n, 0.37, 0.62, 0.42 / n);
      petal(k, turn + 0.5 / n, 0.4, 0.54, 0.2 / n);
      double c = Trig.cos(turn);
      double s = Trig.sin(turn);
      circle(k, 0.9 * c, 0.9 * s, 1.9 / n, 0.012);
      circle(k, 0.9 * c, 0.9 * s, 1.2 / n, 0.008);
      for (int j = 0; j < 5; j++) {
        double picot = turn + (j - 2) * 0.16 / n;
        double out = 0.9 + 1.75 / n - Math.abs(j - 2) * 0.22 / n;
        circle(k, out * Trig.cos(picot), out * Trig.sin(picot), 0.022, 0.007);
      }
    }
    int cells = 3 * n; // a fine mesh between two rings
    for (int i = 0; i < cells; i++) {
      for (int way = -1; way <= 1; way += 2) {
        double from = (double) i / cells;
        double to = from + way * 2.0 / cells;
        k.strand(
            k.plain,
            0.007,
            0.007,
            0.66 * Trig.cos(from),
            0.66 * Trig.sin(from),
            0,
            0.84 * Trig.cos(to),
            0.84 * Trig.sin(to),
            0);
      }
    }
  }

  private static void petal(Kit k, double turn, double from, double to, double half) {
    k.strand(
        k.plain,
        0.011,
        0.011,
        Outline3.of(
            20,
            (t, p) -> {
              double side = 2 * t - 1;
              double r = Trig.mix(to, from, Math.abs(side) * Math.abs(side));
              double a = turn + half * Trig.sin(side * 0.5);
              p[0] = r * Trig.cos(a);
              p[1] = r * Trig.sin(a);
              p[2] = 0;
            }));
  }

  private static void net(Kit k) {
    double deep = k.in(0.9, 1.2);
    Mesh hoop = Solids.torus(0.75, 0.035);
    k.add(hoop, Kit.STEEL);
    k.add(Solids.tube(12, 0.05, 0.06, 0.75, 0, 0, 2.1, 0, 0), Kit.TIMBER);
    int n = 26;
    for (int i = 0; i < n; i++) {
      for (int way = -1; way <= 1; way += 2) {
        double from = (double) i / n;
        double twist = way * 0.22;
        k.strand(
            k.plain,
            0.009,
            0.009,
            Outline3.of(
                16,
                (t, p) -> {
                  double r = 0.74 * Math.sqrt(Math.max(0, 1 - t * t * 0.99));
                  p[0] = r * Trig.cos(from + twist * t);
                  p[1] = -deep * t;
                  p[2] = r * Trig.sin(from + twist * t);
                }));
      }
    }
  }

  private static void web(Kit k) {
    int n = 11 + k.draw.below(5);
    double[] turn = new double[n];
    double[] reach = new double[n];
    for (int i = 0; i < n; i++) {
      turn[i] = (i + k.draw.around(0.22)) / n;
      reach[i] = k.in(0.8, 1.05);
      k.strand(
          k.plain,
          0.009,
          0.009,
          0,
          0,
          0,
          reach[i] * Trig.cos(turn[i]),
          reach[i] * Trig.sin(turn[i]),
          0);
    }
    int rounds = 11;
    for (int round = 1; round <= rounds; round++) {
      for (int i = 0; i < n; i++) {
        int j = (i + 1) % n;
        double a = reach[i] * 0.9 * (round + (double) i / n) / (rounds + 1);
        double b = reach[j] * 0.9 * (round + (i + 1.0) / n) / (rounds + 1);
        double x0 = a * Trig.cos(turn[i]);
        double y0 = a * Trig.sin(turn[i]);
        double x1 = b * Trig.cos(turn[j]);
        double y1 = b * Trig.sin(turn[j]);
        double sag = 0.9;
        k.strand(
            k.plain,
            0.006,
            0.006,
            Outline3.curve(
                new double[] {x0, y0, 0, (x0 + x1) / 2 * sag, (y0 + y1) / 2 * sag, 0, x1, y1, 0},
                3));
      }
    }
    if (k.draw.chance(0.4)) {
      Animals.spider(k, 0.25, -0.2, 0.06, 0.16);
    }
  }

  private static void spring(Kit k) {
    double turns = 6 + k.draw.below(4);
    double[] coil =
        Outline3.of(
            (int) (turns * 26),
            (t, p) -> {
              p[0] = 0.5 * Trig.cos(turns * t);
              p[1] = 2 * t - 1;
              p[2] = 0.5 * Trig.sin(turns * t);
            });
    k.add(Solids.tube(10, 0.055, 0.055, coil));
  }

  private static void chain(Kit k) {
    int n = 6;
    double arch = k.in(0, 0.5);
    for (int i = 0; i < n; i++) {
      double x = (i - (n - 1) / 2.0) * 0.42;
      Mesh link = Solids.torus(0.2, 0.055).turnX(90).scale(1.5, 1, 1);
      k.add(link.turnX(i % 2 == 0 ? 0 : 80).turnZ(40 * arch * x).move(x, arch * x * x * 0.7, 0));
    }
  }

  private static void snowflake(Kit k) {
    double[] side = {k.in(0.2, 0.38), k.in(0.24, 0.42), k.in(0.14, 0.28)};
    double[] place = {0.35, 0.6, 0.82};
    for (int arm = 0; arm < 6; arm++) {
      Mesh mesh = Solids.tube(6, 0.035, 0.025, 0, 0, 0, 0, 1, 0);
      for (int j = 0; j < 3; j++) {
        for (int s = -1; s <= 1; s += 2) {
          double l = side[j];
          mesh.add(
              Solids.tube(6, 0.026, 0.018, 0, place[j], 0, s * l * 0.87, place[j] + l * 0.5, 0));
        }
      }
      k.add(mesh.turnZ(60 * arm));
    }
    double[] hexagon = Outline.ellipse(0.22, 0.22, 6);
    k.add(Outline.plate(0.05, 0, hexagon));
  }

  private static void birdcage(Kit k) {
    int n = 22;
    for (int i = 0; i < n; i++) {
      double turn = (double) i / n;
      k.strand(
          k.plain,
          0.016,
          0.016,
          Outline3.of(
              18,
              (t, p) -> {
                double y = t < 0.55 ? Trig.mix(-0.9, 0.35, t / 0.55) : 0;
                double r = 0.66;
                if (t >= 0.55) {
                  double a = (t - 0.55) / 0.45;
                  y = 0.35 + 0.6 * Trig.sin(0.25 * a);
                  r = 0.66 * Trig.cos(0.25 * a);
                }
                p[0] = r * Trig.sin(turn);
                p[1] = y;
                p[2] = r * Trig.cos(turn);
              }));
    }
    k.add(Solids.cylinder(0.72, -1.02, -0.88), k.main);
    k.add(ring(0.66, 0.025, 48).move(0, -0.3, 0), k.main);
    k.add(ring(0.66, 0.025, 48).move(0, 0.35, 0), k.main);
    k.add(Solids.torus(0.12, 0.03).turnX(90).move(0, 1.07, 0), k.main);
    k.strand(Kit.TIMBER, 0.03, 0.03, -0.66, -0.35, 0, 0.66, -0.35, 0);
    if (k.draw.chance(0.7)) {
      Surface bird = Surface.matte(k.draw.chance(0.5) ? 0xF2C52B : 0x3A78D2);
      k.add(Solids.ellipsoid(0.17, 0.24, 0.2, 24, 12).turnZ(20).move(0, -0.12, 0), bird);
      k.add(Solids.bead(0.13).move(0.08, 0.16, 0), bird);
      k.add(Solids.cone(0.04, 0, 0, 0.1).turnZ(-90).move(0.2, 0.16, 0), Surface.matte(0xE8862A));
      k.add(Solids.box(0.05, 0.2, 0.06).turnZ(-25).move(-0.16, -0.4, 0), bird.shade(0.8));
      k.add(Solids.bead(0.025).move(0.13, 0.2, 0.1), Kit.BLACK);
    }
  }
}
