package dev.viridian.matting.data.procedural;

import java.util.List;

/** Trees, flowers and leaves. */
final class Nature {
  private Nature() {}

  static List<Noun> nouns() {
    Pose flower = new Pose(30, 0, 20, 10);
    return List.of(
        Noun.of("tree", Pose.STANDING, Nature::tree).of(Material.MATTE).natural("emerald", "olive"),
        Noun.of("pine tree", Pose.STANDING, Nature::pine)
            .of(Material.MATTE)
            .natural("emerald", "olive"),
        Noun.of("palm tree", Pose.STANDING, Nature::palm)
            .of(Material.MATTE)
            .natural("emerald", "olive"),
        Noun.of("fern", Pose.FLAT, Nature::fern)
            .called("* fern frond")
            .of(Material.MATTE)
            .natural("emerald", "olive"),
        Noun.of("leaf", Pose.LOOSE, Nature::leaf)
            .of(Material.MATTE, Material.GLOSSY)
            .natural("emerald", "olive", "orange", "red", "yellow"),
        Noun.of("cactus", Pose.FACING, Nature::cactus)
            .of(Material.MATTE)
            .natural("emerald", "olive"),
        Noun.of("grass", Pose.STANDING, Nature::grass)
            .called("tuft of * grass")
            .of(Material.MATTE)
            .natural("emerald", "olive", "yellow"));
  }

  /** The chosen colour, lighter or darker at random. */
  private static Surface varied(Kit k, double by) {
    return k.plain.shade(k.in(1 - by, 1 + by));
  }

  private static void tree(Kit k) {
    Surface bark = Surface.matte(0x5D4330).with(Paints.mottled(9, 0.25, 3));
    double[] trunk = Outline3.curve(0, -1.1, 0, 0.04, -0.6, 0, -0.03, -0.2, 0, 0, 0.2, 0);
    k.add(Solids.tube(0.16, 0.08, trunk), bark);
    double[][] tips = new double[9][];
    for (int i = 0; i < tips.length; i++) {
      double turn = i / 9.0 + k.in(-0.03, 0.03);
      double out = i == 0 ? 0 : k.in(0.35, 0.62);
      double up = i == 0 ? 0.85 : k.in(0.1, 0.75);
      tips[i] = new double[] {out * Trig.sin(turn), up, out * Trig.cos(turn)};
      double[] branch = {
        0, -0.15, 0, tips[i][0] * 0.5, up * 0.5, tips[i][2] * 0.5, tips[i][0], up, tips[i][2]
      };
      k.add(Solids.tube(6, 0.06, 0.015, branch), bark);
    }
    Surface[] leaves = {varied(k, 0.25), varied(k, 0.25), k.plain, varied(k, 0.3)};
    Mesh[] foliage = {new Mesh(), new Mesh(), new Mesh(), new Mesh()};
    Mesh blade = diamond(0.13, 0.075);
    for (int i = 0; i < 1300; i++) {
      double[] tip = tips[i % tips.length];
      double[] d = k.draw.direction();
      double r = 0.4 * Trig.pow(k.draw.unit(), 0.4);
      foliage[k.draw.below(4)].add(
          blade
              .copy()
              .turnX(k.in(-60, 60))
              .turnZ(k.in(0, 360))
              .turnY(k.in(0, 360))
              .move(tip[0] + r * d[0], tip[1] + 0.1 + r * d[1] * 0.85, tip[2] + r * d[2]));
    }
    for (int i = 0; i < 4; i++) {
      k.add(foliage[i], leaves[i]);
    }
  }

  /** A leaf of two triangles. */
  private static Mesh diamond(double length, double width) {
    return Outline.sheet(0, -length / 2, width / 2, 0, 0, length / 2, -width / 2, 0);
  }

  private static void pine(Kit k) {
    k.add(Solids.cone(0.09, 0.02, -1.15, 0.95), Surface.matte(0x5A3E28));
    Surface[] needles = {k.plain, varied(k, 0.3), varied(k, 0.3), k.plain.shade(0.7)};
    int whorls = 13;
    for (int w = 0; w < whorls; w++) {
      double t = (double) w / (whorls - 1);
      double y = Trig.mix(-0.75, 1.0, t);
      double reach = Trig.mix(0.72, 0.07, t) * k.in(0.92, 1.05);
      int n = (int) Math.rint(Trig.mix(13, 5, t));
      for (int i = 0; i < n; i++) {
        double length = reach * k.in(0.85, 1.1);
        double turn = (i + 0.5 * (w % 2)) / n + k.in(-0.02, 0.02);
        double x = Trig.sin(turn);
        double z = Trig.cos(turn);
        k.strand(Kit.STEM, 0.014, 0.006, 0, y, 0, length * x, y - 0.22 * length, length * z);
        int twigs = Math.max(8, (int) (34 * reach));
        for (int j = 0; j < twigs; j++) {
          double s = (j + 1.0) / twigs;
          double r = length * s;
          double droop = y - 0.22 * r * s;
          double out = k.in(0.02, 0.1);
          double across = k.draw.around(0.11);
          k.strand(
              needles[k.draw.below(4)],
              0.013,
              0.004,
              r * x,
              droop,
              r * z,
              (r + out) * x + across * z,
              droop + k.in(-0.1, 0.05),
              (r + out) * z - across * x);
        }
      }
    }
  }

  private static void palm(Kit k) {
    double lean = k.in(-0.35, 0.35);
    double[] trunk =
        Outline3.curve(0, -1.2, 0, lean * 0.2, -0.5, 0, lean * 0.6, 0.1, 0, lean, 0.6, 0);
    Surface bark =
        Surface.matte(0x8A6B45)
            .with(
                (x, y, z, rgb) -> {
                  float ring = y * 9 + 50;
                  Paints.times(rgb, ring - (int) ring < 0.25f ? 0.65f : 1);
                });
    k.add(Solids.tube(0.12, 0.07, trunk), bark);
    int n = 10;
    for (int i = 0; i < n; i++) {
      Surface green = varied(k, 0.25);
      double length = k.in(0.75, 0.95);
      double rise = k.in(10, 45);
      double turn = 360.0 * i / n + k.in(-8, 8);
      Mesh frond = new Mesh();
      int pieces = 15;
      for (int j = 1; j < pieces; j++) {
        double s = (double) j / pieces;
        double y = length * (s * Trig.sin(rise / 360) - 0.75 * s * s);
        double z = length * s;
        double leaf = 0.34 * Trig.pow(Trig.sin(0.5 * Math.min(1, 0.15 + s * 0.83)), 0.7);
        for (int side = -1; side <= 1; side += 2) {
          frond.add(
              Outline.sheet(0, -0.03, leaf, -0.01, leaf, 0.01, 0, 0.045)
                  .turnZ(-28)
                  .turnY(-30)
                  .scale(side, 1, 1)
                  .move(0, y, z));
        }
      }
      k.add(frond.turnY(turn).move(lean, 0.6, 0), green);
    }
    for (int i = 0; i < 3; i++) {
      k.add(
          Solids.bead(0.085).move(0, -0.1, 0.1).turnY(120 * i).move(lean, 0.6, 0),
          Surface.matte(0x5A3A1E));
    }
  }

  private static void fern(Kit k) {
    double curl = k.in(0.2, 0.5) * (k.draw.chance(0.5) ? 1 : -1);
    double[] spine =
        Outline3.of(
            40,
            (t, p) -> {
              p[0] = curl * t * t;
              p[1] = 2 * t - 1;
              p[2] = 0.2 * t * t;
            });
    k.add(Solids.tube(6, 0.025, 0.006, spine), k.plain.shade(0.7));
    Mesh[] green = {new Mesh(), new Mesh()};
    int pairs = 22;
    for (int i = 0; i < pairs; i++) {
      double t = 0.14 + 0.85 * i / pairs;
      int at = 3 * (int) Math.rint(40 * t);
      double heading = StrictMath.toDegrees(StrictMath.atan2(-curl * t, 1));
      double length = 0.78 * Trig.pow(Trig.sin(0.5 * Math.min(1, 0.28 + 0.74 * t)), 0.9) + 0.03;
      for (int side = -1; side <= 1; side += 2) {
        Mesh pinna = new Mesh();
        int leaflets = Math.max(3, (int) (length * 20));
        pinna.add(Outline.sheet(-0.006, 0, 0.006, 0, 0.003, length, -0.003, length));
        for (int j = 0; j < leaflets; j++) {
          double s = (double) j / leaflets;
          double small = 0.11 * (1 - 0.75 * s) * Math.min(1, length * 2.2);
          for (int other = -1; other <= 1; other += 2) {
            pinna.add(
                Outline.sheet(0, -0.016, small, 0.012, small * 0.75, 0.035, 0, 0.018)
                    .turnX(k.in(-15, 15))
                    .scale(other, 1, 1)
                    .move(0, s * length, 0));
          }
        }
        double open = 62 - 25 * t;
        pinna.turnX(k.in(-12, 4)).turnZ(-side * open + heading);
        green[k.draw.below(2)].add(pinna.move(spine[at], spine[at + 1], spine[at + 2]));
      }
    }
    k.add(green[0], k.plain);
    k.add(green[1], varied(k, 0.2));
  }

  private static void leaf(Kit k) {
    if (k.draw.chance(0.35)) {
      maple(k);
      return;
    }
    double width = k.in(0.7, 1.05);
    Surface veined =
        k.main.with(
            (x, y, z, rgb) -> {
              float side = (y * 5.2f - Math.abs(x) * 4.2f) + 20;
              boolean vein = Math.abs(x) < 0.022f || side - (int) side < 0.12f;
              Paints.times(rgb, vein ? 1.35f : 0.85f + 0.12f * Noise.value(x * 8, y * 8, 4));
            });
    Mesh blade =
        Solids.grid(
            8,
            30,
            false,
            false,
            (u, v, p) -> {
              double half = width / 2 * Trig.sin(0.5 * Trig.pow(v, 0.75));
              double s = 2 * u - 1;
              double tooth = 1 + 0.03 * Math.abs(Trig.sin(8 * v));
              p[0] = half * s * tooth;
              p[1] = 1.9 * v - 0.8;
              p[2] = 0.25 * Math.abs(half * s) + 0.2 * v * v;
            });
    k.add(blade, veined);
    k.add(Solids.tube(6, 0.03, 0.02, 0, -0.8, 0, 0.05, -1.2, -0.05), k.plain.shade(0.6));
  }

  private static void maple(Kit k) {
    double[] half = {
      0, -0.55, 0.3, -0.66, 0.42, -0.6, 0.35, -0.45, 0.62, -0.38, 0.95, -0.1, 0.78, -0.02, 0.84,
      0.18, 0.55, 0.12, 0.46, 0.2, 0.62, 0.52, 0.66, 0.75, 0.5, 0.68, 0.32, 0.42, 0.26, 0.4, 0.34,
      0.8, 0.16, 0.78, 0, 1.15
    };
    Surface veined =
        k.main.with(
            (x, y, z, rgb) -> {
              float a = Math.abs(x);
              float up = y + 0.5f;
              boolean vein =
                  a < 0.018f || Math.abs(up - a * 1.6f) < 0.03f || Math.abs(up - a * 0.4f) < 0.022f;
              Paints.times(rgb, vein ? 0.72f : 0.95f + 0.12f * Noise.value(x * 6, y * 6, 4));
            });
    k.add(Outline.sheet(Outline.mirrored(half)), veined);
    k.add(Solids.tube(6, 0.03, 0.025, 0, -0.5, 0, 0.06, -1.15, 0), k.plain.shade(0.6));
  }

  private static void cactus(Kit k) {
    cactusArm(k, 0.27, 0, -0.75, 0, 0, 0.2, 0, 0, 0.95, 0);
    double a = k.in(-0.25, 0.05);
    cactusArm(k, 0.15, 0, a, 0, 0.5, a, 0, 0.58, a + 0.15, 0, 0.58, a + 0.6, 0);
    double b = k.in(-0.1, 0.25);
    cactusArm(k, 0.14, 0, b, 0, -0.46, b, 0, -0.54, b + 0.12, 0, -0.54, b + 0.45, 0);
    k.add(
        Solids.lathe(0, -1.2, 0.36, -1.2, 0.5, -0.72, 0.5, -0.6, 0, -0.6), Surface.matte(0xB8643A));
    if (k.draw.chance(0.5)) {
      for (int i = 0; i < 6; i++) {
        k.add(
            Outline.blade(0.2, 0.12, 0.2, 0.1, 0.5).turnX(40).turnY(60 * i).move(0, 1.16, 0),
            Surface.matte(0xE85C9C));
      }
    }
  }

  private static void cactusArm(Kit k, double r, double... path) {
    double[] curve = Outline3.curve(path);
    int n = curve.length / 3;
    Surface ribs =
        k.main.with(
            (x, y, z, rgb) -> {
              float t = (x + z * 0.6f) * 11 + 50;
              Paints.times(rgb, t - (int) t < 0.3f ? 0.72f : 1.05f);
            });
    k.add(Solids.tube(20, r, r, curve), ribs);
    int last = 3 * (n - 1);
    k.add(
        Solids.ellipsoid(r, r, r, 24, 12).move(curve[last], curve[last + 1], curve[last + 2]),
        ribs);
    if (path[3] != 0) {
      int corner = 3 * 9;
      k.add(
          Solids.ellipsoid(r, r, r, 24, 12)
              .move(curve[corner], curve[corner + 1], curve[corner + 2]),
          ribs);
    }
    Surface spine = Surface.matte(0xEFE8CF);
    for (int i = 0; i < 46; i++) {
      int at = 3 * k.draw.below(n);
      double[] d = k.draw.direction();
      double s = r * 0.98;
      double e = r + 0.1;
      k.strand(
          spine,
          0.008,
          0.003,
          curve[at] + s * d[0],
          curve[at + 1] + s * d[1],
          curve[at + 2] + s * d[2],
          curve[at] + e * d[0],
          curve[at + 1] + e * d[1],
          curve[at + 2] + e * d[2]);
    }
  }

  private static void grass(Kit k) {
    Surface[] greens = {k.plain, varied(k, 0.3), varied(k, 0.3), varied(k, 0.3)};
    for (int i = 0; i < 130; i++) {
      double x = k.in(-0.35, 0.35);
      double z = k.in(-0.35, 0.35);
      double high = k.in(0.7, 1.6);
      double out = k.in(0.1, 0.75);
      double turn = k.draw.unit();
      double dx = x * 0.7 + out * Trig.sin(turn);
      double dz = z * 0.7 + out * Trig.cos(turn);
      double[] path =
          Outline3.of(
              7,
              (t, p) -> {
                p[0] = x + dx * t * t;
                p[1] = -0.8 + high * (t - 0.25 * out * t * t * t);
                p[2] = z + dz * t * t;
              });
      k.strand(greens[i % 4], 0.03, 0.002, path);
    }
  }
}
