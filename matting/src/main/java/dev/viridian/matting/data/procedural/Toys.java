package dev.viridian.matting.data.procedural;

import java.util.List;

/** Simple bodies, toys, sweets and music. */
final class Toys {
  private Toys() {}

  static List<Noun> nouns() {
    return List.of(
        Noun.of("ball", Pose.STANDING, Toys::ball).any(),
        Noun.of("box", Pose.STANDING, Toys::box).solid().natural("brown"),
        Noun.of("die", new Pose(50, 15, 40, 15), Toys::die).of(Material.GLOSSY, Material.GLASS),
        Noun.of("star", Pose.FLAT, Toys::star).any().natural("yellow"),
        Noun.of("heart", Pose.FLAT, Toys::heart).any().natural("red", "pink"),
        Noun.of("moon", Pose.FLAT, Toys::moon)
            .called("* crescent moon")
            .any()
            .natural("yellow", "white"),
        Noun.of("diamond", new Pose(180, 2, 20, 10), Toys::diamond)
            .called("* cut diamond")
            .of(Material.GLASS, Material.GLOSSY),
        Noun.of("ring", new Pose(40, 18, 40, 14), Toys::ring).of(Material.METAL).natural("yellow"),
        Noun.of("balloon", Pose.FLAT, Toys::balloon).soft(),
        Noun.of("kite", Pose.FLAT, Toys::kite).soft(),
        Noun.of("rocket", new Pose(180, -6, 10, 35), Toys::rocket).solid(),
        Noun.of("gift box", new Pose(50, 14, 32, 6), Toys::gift).soft(),
        Noun.of("crown", new Pose(180, 8, 24, 8), Toys::crown).of(Material.METAL).natural("yellow"),
        Noun.of("snowman", Pose.FACING, Toys::snowman).of(Material.MATTE).natural("white"),
        Noun.of("trophy", Pose.FACING, Toys::trophy).of(Material.METAL).natural("yellow", "grey"),
        Noun.of("magnet", Pose.LOOSE, Toys::magnet).of(Material.GLOSSY, Material.MATTE));
  }

  private static void ball(Kit k) {
    k.add(Solids.ball(1));
  }

  private static void box(Kit k) {
    double a = k.in(0.7, 1);
    double b = k.in(0.5, 0.75);
    double c = k.in(0.6, 0.9);
    k.add(Solids.box(a, b, c));
    if (k.draw.chance(0.5)) { // flaps, open
      Surface inner = k.shade(0.55);
      k.add(Solids.block(-a * 0.97, b, -c * 0.97, a * 0.97, b + 0.005, c * 0.97), inner);
      for (int side = -1; side <= 1; side += 2) {
        k.add(
            Solids.box(a, 0.02, c * 0.45)
                .move(0, 0, c * 0.45)
                .turnX(k.in(-35, -10))
                .turnY(side > 0 ? 0 : 180)
                .move(0, b, side * c),
            k.shade(1.12));
      }
    } else { // tape
      k.add(Solids.box(0.13, b + 0.004, c + 0.004), k.shade(0.75));
    }
  }

  private static void die(Kit k) {
    k.add(Solids.roundedBox(0.8, 0.8, 0.8, 0.17));
    boolean light = k.colour[0] + k.colour[1] + k.colour[2] > 1.8;
    Surface pip = light ? Kit.BLACK : Surface.gloss(0xFAFAF5);
    int[][] faces = {{1, 0}, {2, 90}, {6, 180}, {5, 270}};
    for (int[] face : faces) {
      for (double[] p : pips(face[0])) {
        k.add(pip().move(p[0], p[1], 0.805).turnY(face[1]), pip);
      }
    }
    for (double[] p : pips(3)) {
      k.add(pip().move(p[0], p[1], 0.805).turnX(-90), pip);
    }
    for (double[] p : pips(4)) {
      k.add(pip().move(p[0], p[1], 0.805).turnX(90), pip);
    }
  }

  private static Mesh pip() {
    return Solids.ellipsoid(0.13, 0.13, 0.02, 20, 6);
  }

  private static double[][] pips(int n) {
    double d = 0.42;
    return switch (n) {
      case 1 -> new double[][] {{0, 0}};
      case 2 -> new double[][] {{-d, -d}, {d, d}};
      case 3 -> new double[][] {{-d, -d}, {0, 0}, {d, d}};
      case 4 -> new double[][] {{-d, -d}, {d, d}, {-d, d}, {d, -d}};
      case 5 -> new double[][] {{-d, -d}, {d, d}, {-d, d}, {d, -d}, {0, 0}};
      default -> new double[][] {{-d, -d}, {d, d}, {-d, d}, {d, -d}, {-d, 0}, {d, 0}};
    };
  }

  private static void star(Kit k) {
    double[] outline = Outline.star(5, 1, k.in(0.4, 0.5));
    if (k.draw.chance(0.5)) {
      k.add(Outline.plate(0.3, 0.06, outline));
      return;
    }
    // ridges from the middle to the points
    Mesh mesh = new Mesh();
    int n = outline.length / 2;
    for (int side = -1; side <= 1; side += 2) {
      for (int i = 0; i < n; i++) {
        int j = (i + 1) % n;
        int a = mesh.vertex(0, 0, 0.3 * side, 0, 0, 1);
        int b = mesh.vertex(outline[2 * i], outline[2 * i + 1], 0, 0, 0, 1);
        int c = mesh.vertex(outline[2 * j], outline[2 * j + 1], 0, 0, 0, 1);
        mesh.triangle(a, side > 0 ? b : c, side > 0 ? c : b);
      }
    }
    k.add(mesh.smoothNormals());
  }

  private static double[] heartOutline() {
    return Outline.through(
        Outline.mirrored(
            0, -1, 0.45, -0.55, 0.85, -0.1, 1.02, 0.3, 0.92, 0.65, 0.62, 0.82, 0.3, 0.74, 0.06, 0.5,
            0, 0.42),
        true,
        4);
  }

  private static void heart(Kit k) {
    if (k.draw.chance(0.3)) {
      k.add(Outline.plate(0.35, 0.07, heartOutline()));
    } else {
      k.add(Outline.cushion(k.in(0.35, 0.5), 0, 0, heartOutline()));
    }
  }

  private static void moon(Kit k) {
    double thick = k.in(0.36, 0.5);
    k.add(
        Solids.grid(
            24,
            48,
            true,
            false,
            (u, v, p) -> {
              double turn = 0.13 + 0.74 * v;
              double w = thick * Trig.pow(Trig.sin(0.5 * v), 0.9);
              double r = 1 - w + w * Trig.cos(u);
              p[0] = r * Trig.cos(turn);
              p[1] = r * Trig.sin(turn);
              p[2] = -0.6 * w * Trig.sin(u);
            }));
  }

  private static void diamond(Kit k) {
    Mesh gem = new Mesh();
    int n = 8;
    double[] r = {0.55, 1, 1, 0};
    double[] y = {0.62, 0.3, 0.24, -0.85};
    for (int ring = 0; ring < 3; ring++) {
      for (int i = 0; i < n; i++) {
        double[] a = at(r[ring], y[ring], i + 0.5 * (ring == 0 ? 1 : 0), n);
        double[] b = at(r[ring], y[ring], i + 1 + 0.5 * (ring == 0 ? 1 : 0), n);
        double[] c = at(r[ring + 1], y[ring + 1], i + 1, n);
        double[] d = at(r[ring + 1], y[ring + 1], i, n);
        if (ring == 0) {
          face(gem, d, c, a);
          face(gem, a, c, b);
        } else {
          if (ring == 1) {
            face(gem, d, c, b);
          }
          face(gem, d, b, a);
        }
      }
    }
    for (int i = 1; i < n - 1; i++) {
      face(gem, at(r[0], y[0], 0.5, n), at(r[0], y[0], i + 0.5, n), at(r[0], y[0], i + 1.5, n));
    }
    int salt = k.draw.below(1000);
    Surface facets =
        k.main.with(
            (tx, ty, tz, rgb) -> {
              float turn = (float) StrictMath.atan2(tx, tz) * 8 / 6.2832f + 16;
              float spark = Noise.value((int) turn * 7.3f, ty > 0.27f ? 3 : 9, salt);
              Paints.mix(rgb, 0xFFFFFF, 0.55f * spark * spark);
              Paints.times(rgb, 0.75f + 0.35f * spark);
            });
    k.add(gem, facets);
  }

  /** A place on a ring about the y axis, the i-th of n. */
  static double[] at(double r, double y, double i, int n) {
    return new double[] {r * Trig.sin(i / n), y, r * Trig.cos(i / n)};
  }

  private static void face(Mesh mesh, double[]... p) {
    Mesh one = new Mesh();
    for (double[] v : p) {
      one.vertex(v[0], v[1], v[2], 0, 0, 1);
    }
    one.triangle(0, 1, 2);
    mesh.add(one.smoothNormals());
  }

  private static void ring(Kit k) {
    k.add(Solids.torus(0.8, 0.11).turnX(90));
    k.add(Solids.cone(0.12, 0.22, 0.86, 1.05), Kit.STEEL);
    Mesh gem = Solids.facets(8, 0, 0.92, 0.3, 1.22, 0.2, 1.36, 0, 1.36);
    k.add(gem, Surface.gloss(k.draw.chance(0.5) ? 0xD7ECF7 : 0xD03050));
  }

  private static void balloon(Kit k) {
    k.add(
        Solids.turned(
            0, -0.98, 0.05, -0.96, 0.2, -0.8, 0.62, -0.2, 0.8, 0.3, 0.7, 0.75, 0.4, 1, 0, 1.08));
    k.add(Solids.lathe(0, -0.94, 0.1, -1.05, 0, -1.03), k.shade(0.8));
    double sway = k.in(-0.2, 0.2);
    double[] string =
        Outline3.curve(0, -1.03, 0, sway, -1.3, 0, -sway, -1.6, 0, sway * 0.5, -1.9, 0);
    k.strand(Surface.matte(0xE8E6E0), 0.014, 0.014, string);
  }

  private static void kite(Kit k) {
    Surface other = k.shade(k.colour[0] + k.colour[1] + k.colour[2] > 1.9 ? 0.6 : 1.8);
    double[] p = {0, 1, -0.65, 0.3, 0, -0.9, 0.65, 0.3};
    for (int i = 0; i < 4; i++) {
      int j = (i + 1) % 4;
      k.add(
          Outline.sheet(0, 0.3, p[2 * i], p[2 * i + 1], p[2 * j], p[2 * j + 1]),
          i % 2 == 0 ? k.main : other);
    }
    k.strand(Kit.STEM, 0.015, 0.015, 0, 1, 0.01, 0, -0.9, 0.01);
    k.strand(Kit.STEM, 0.015, 0.015, -0.65, 0.3, 0.01, 0.65, 0.3, 0.01);
    double sway = k.in(0.15, 0.3);
    double[] tail =
        Outline3.curve(0, -0.9, 0, sway, -1.15, 0, -sway, -1.4, 0, sway, -1.65, 0, 0, -1.9, 0);
    k.strand(Surface.matte(0xEDEBE4), 0.013, 0.013, tail);
    for (int i = 1; i <= 3; i++) {
      int at = 3 * (i * 6);
      for (int side = -1; side <= 1; side += 2) {
        k.add(
            Outline.sheet(0, 0, 0.17 * side, 0.09 * side, 0.17 * side, -0.09 * side)
                .move(tail[at], tail[at + 1], 0.02),
            i % 2 == 0 ? k.main : other);
      }
    }
  }

  private static void rocket(Kit k) {
    k.add(Solids.turned(0, -0.7, 0.24, -0.7, 0.34, -0.35, 0.37, 0, 0.33, 0.35, 0.27, 0.55));
    Surface red = Surface.gloss(k.colour[0] > 0.7 && k.colour[1] < 0.4 ? 0xF2F2EE : 0xD23A2A);
    k.add(Solids.turned(0.272, 0.54, 0.18, 0.78, 0.08, 0.97, 0, 1.08), red);
    k.add(Solids.cone(0.26, 0.19, -0.86, -0.69), Kit.STEEL);
    for (int i = 0; i < 3; i++) {
      Mesh fin =
          Outline.plate(0.06, 0.015, 0.2, -0.7, 0.62, -1.0, 0.62, -0.62, 0.34, -0.15, 0.2, -0.15);
      k.add(fin.turnY(120 * i + 30), red);
    }
    for (int i = 0; i < 2; i++) {
      Mesh rim = Solids.torus(0.13, 0.035).turnX(90).move(0, 0.22, 0.34).turnY(180 * i);
      k.add(rim, Kit.STEEL);
      Mesh glass = Solids.ellipsoid(0.13, 0.13, 0.05).move(0, 0.22, 0.33).turnY(180 * i);
      k.add(glass, Kit.PANE);
    }
    if (k.draw.chance(0.6)) {
      Vapours.fire(k, 0, -0.84, 0, 0.2, -0.55);
    }
  }

  private static void gift(Kit k) {
    double a = k.in(0.75, 0.9);
    double b = k.in(0.5, 0.7);
    k.add(Solids.box(a, b, a));
    k.add(Solids.block(-a - 0.04, b - 0.22, -a - 0.04, a + 0.04, b, a + 0.04), k.shade(0.9));
    boolean red = k.colour[0] > 0.6 && k.colour[1] < 0.5;
    Surface ribbon = Surface.gloss(red ? 0xF1C63C : 0xC92038);
    k.add(Solids.box(0.13, b + 0.01, a + 0.05), ribbon);
    k.add(Solids.box(a + 0.05, b + 0.01, 0.13), ribbon);
    for (int side = -1; side <= 1; side += 2) {
      double[] loop =
          Outline3.curve(
              0,
              b,
              0,
              0.3 * side,
              b + 0.42,
              0.05,
              0.6 * side,
              b + 0.36,
              0,
              0.45 * side,
              b + 0.08,
              0,
              0,
              b + 0.02,
              0);
      k.add(Solids.tube(8, 0.07, 0.07, loop).scale(1, 1, 1.6), ribbon);
    }
    k.add(Solids.bead(0.12).move(0, b + 0.08, 0), ribbon);
  }

  private static void crown(Kit k) {
    int points = 5 + k.draw.below(3);
    Mesh wall =
        Solids.grid(
            points * 12,
            10,
            true,
            false,
            (u, v, p) -> {
              double saw = Math.abs(2 * (u * points - Math.floor(u * points)) - 1);
              double top = 0.05 + 0.75 * saw;
              double y = Trig.mix(-0.5, top, v);
              double r = 0.82 + 0.12 * (y + 0.5);
              p[0] = r * Trig.sin(u);
              p[1] = y;
              p[2] = r * Trig.cos(u);
            });
    k.add(wall);
    k.add(Solids.torus(0.83, 0.07).move(0, -0.47, 0), k.shade(0.85));
    for (int i = 0; i < points; i++) {
      k.add(Solids.bead(0.09).move(0, 0.87, 0.97).turnY(360.0 * i / points));
      Surface jewel = Surface.gloss(i % 2 == 0 ? 0xC81E3C : 0x2A52C8);
      k.add(
          Solids.ellipsoid(0.1, 0.1, 0.05, 16, 8)
              .move(0, -0.18, 0.86)
              .turnY(360.0 * (i + 0.5) / points),
          jewel);
    }
  }

  private static void snowman(Kit k) {
    k.add(Solids.ball(0.55).move(0, -0.55, 0));
    k.add(Solids.ball(0.41).move(0, 0.22, 0));
    k.add(Solids.ball(0.3).move(0, 0.8, 0));
    k.add(Solids.cone(0.06, 0.0, 0, 0.32).turnX(90).move(0, 0.78, 0.27), Surface.matte(0xF07F1A));
    for (int side = -1; side <= 1; side += 2) {
      k.add(Solids.bead(0.04).move(0.11 * side, 0.89, 0.26), Kit.BLACK);
      double[] arm = {0.36 * side, 0.28, 0, 0.7 * side, 0.5, 0.05, 0.95 * side, 0.62, 0.05};
      k.add(Solids.tube(8, 0.03, 0.02, arm), Kit.STEM);
      k.strand(Kit.STEM, 0.018, 0.012, 0.8 * side, 0.55, 0.05, 0.88 * side, 0.75, 0.05);
    }
    for (int i = 0; i < 3; i++) {
      k.add(Solids.bead(0.045).move(0, 0.38 - 0.16 * i, 0.4), Kit.BLACK);
    }
    k.add(Solids.cylinder(0.38, 1.0, 1.05), Kit.RUBBER);
    k.add(Solids.cylinder(0.25, 1.03, 1.42), Kit.RUBBER);
    k.add(Solids.torus(0.29, 0.075).move(0, 0.56, 0), Surface.matte(0xC02A2A));
  }

  private static void trophy(Kit k) {
    k.add(Solids.hollow(0.05, 0, -0.1, 0.14, -0.08, 0.38, 0.12, 0.52, 0.5, 0.56, 0.95));
    k.add(Solids.turned(0.3, -0.68, 0.12, -0.55, 0.07, -0.35, 0.09, -0.12, 0.16, -0.06));
    k.add(Solids.box(0.42, 0.16, 0.42).move(0, -0.84, 0), Surface.gloss(0x3A2416));
    for (int side = -1; side <= 1; side += 2) {
      double[] handle =
          Outline3.curve(
              0.5 * side,
              0.78,
              0,
              0.85 * side,
              0.78,
              0,
              0.85 * side,
              0.35,
              0,
              0.36 * side,
              0.14,
              0);
      k.add(Solids.tube(0.05, 0.05, handle));
    }
  }

  private static void magnet(Kit k) {
    double[] arch =
        Outline3.of(
            24,
            (t, p) -> {
              p[0] = -0.6 * Trig.cos(0.5 * t);
              p[1] = 0.6 * Trig.sin(0.5 * t) + 0.2;
              p[2] = 0;
            });
    k.add(Solids.tube(20, 0.24, 0.24, arch));
    for (int side = -1; side <= 1; side += 2) {
      double x = 0.6 * side;
      k.add(Solids.tube(20, 0.24, 0.24, x, 0.22, 0, x, -0.35, 0));
      k.add(Solids.tube(20, 0.245, 0.245, x, -0.35, 0, x, -0.75, 0), Kit.STEEL);
    }
  }
}
