package dev.viridian.matting.data.procedural;

import java.util.List;

/** Furniture, clothes and tools. */
final class Household {
  private Household() {}

  static List<Noun> nouns() {
    Pose furniture = new Pose(55, 12, 30, 5);
    return List.of(
        Noun.of("chair", furniture, Household::chair)
            .of(Material.WOODEN, Material.MATTE, Material.GLOSSY, Material.METAL)
            .natural("brown"),
        Noun.of("table", furniture, Household::table)
            .of(Material.WOODEN, Material.MATTE, Material.GLOSSY, Material.METAL)
            .natural("brown"),
        Noun.of("lamp", Pose.STANDING, Household::lamp).called("* table lamp").any(),
        Noun.of("book", new Pose(40, 8, 30, 14), Household::book).soft(),
        Noun.of("key", Pose.LOOSE, Household::key).of(Material.METAL).natural("yellow", "grey"),
        Noun.of("clock", new Pose(35, 2, 16, 8), Household::clock)
            .called("* alarm clock")
            .of(Material.GLOSSY, Material.MATTE, Material.METAL),
        Noun.of("umbrella", new Pose(180, -8, 14, 28), Household::umbrella).soft(),
        Noun.of("hat", new Pose(60, 8, 28, 12), Household::hat).soft(),
        Noun.of("spoon", Pose.LOOSE, Household::spoon)
            .of(Material.METAL, Material.WOODEN, Material.GLOSSY)
            .natural("grey"),
        Noun.of("fork", Pose.LOOSE, Household::fork)
            .of(Material.METAL, Material.GLOSSY)
            .natural("grey"),
        Noun.of("hammer", Pose.LOOSE, Household::hammer)
            .of(Material.WOODEN, Material.MATTE, Material.GLOSSY)
            .natural("brown", "red"),
        Noun.of("scissors", Pose.LOOSE, Household::scissors)
            .called("pair of * scissors")
            .of(Material.GLOSSY, Material.MATTE, Material.METAL),
        Noun.of("pencil", Pose.LOOSE, Household::pencil)
            .of(Material.MATTE, Material.GLOSSY, Material.STRIPED),
        Noun.of("ladder", new Pose(35, 4, 18, 20), Household::ladder)
            .of(Material.WOODEN, Material.METAL, Material.MATTE)
            .natural("brown", "grey"),
        Noun.of("glasses", new Pose(35, 2, 24, 8), Household::glasses)
            .called("pair of * glasses")
            .of(Material.GLOSSY, Material.METAL)
            .natural("black", "brown"),
        Noun.of("axe", Pose.LOOSE, Household::axe)
            .of(Material.WOODEN, Material.MATTE)
            .natural("brown", "red"),
        Noun.of("sword", Pose.LOOSE, Household::sword)
            .of(Material.GLOSSY, Material.METAL)
            .natural("brown", "blue", "black"),
        Noun.of("envelope", Pose.FLAT, Household::envelope).of(Material.MATTE).natural("white"));
  }

  private static void chair(Kit k) {
    double wide = k.in(0.5, 0.58);
    double back = k.in(0.95, 1.2);
    double leg = k.in(0.05, 0.075);
    k.add(Solids.box(wide, 0.05, wide));
    for (int x = -1; x <= 1; x += 2) {
      for (int z = -1; z <= 1; z += 2) {
        double cx = x * (wide - leg);
        double cz = z * (wide - leg);
        double top = z < 0 ? back : 0;
        k.add(Solids.block(cx - leg, -1, cz - leg, cx + leg, top, cz + leg));
      }
      k.add(
          Solids.block(
              x * (wide - leg) - 0.02, -0.62, -wide, x * (wide - leg) + 0.02, -0.55, wide));
    }
    double z = leg - wide;
    if (k.draw.chance(0.5)) {
      int slats = 3 + k.draw.below(3);
      for (int i = 0; i < slats; i++) {
        double x = Trig.mix(-1, 1, (i + 1.0) / (slats + 1)) * (wide - leg);
        k.add(Solids.block(x - 0.045, 0.05, z - 0.02, x + 0.045, back - 0.1, z + 0.02));
      }
      k.add(Solids.block(-wide, back - 0.18, z - 0.035, wide, back, z + 0.035));
    } else {
      int rails = 2 + k.draw.below(2);
      for (int i = 0; i < rails; i++) {
        double y = back - 0.02 - i * 0.3;
        k.add(Solids.block(-wide + leg, y - 0.17, z - 0.03, wide - leg, y, z + 0.03));
      }
    }
    if (k.draw.chance(0.35)) {
      Surface cloth = Surface.matte(k.draw.chance(0.5) ? 0xB23A3A : 0x2F4F8F);
      k.add(Solids.roundedBox(wide * 0.94, 0.08, wide * 0.94, 0.07).move(0, 0.1, 0), cloth);
    }
  }

  private static void table(Kit k) {
    double a = k.in(0.9, 1.15);
    if (k.draw.chance(0.3)) { // round, on one foot
      k.add(Solids.cylinder(0.95, 0.5, 0.6));
      k.add(Solids.turned(0.5, -0.6, 0.45, -0.52, 0.12, -0.4, 0.09, 0.0, 0.14, 0.3, 0.2, 0.5));
      return;
    }
    double c = k.in(0.55, 0.8);
    k.add(Solids.block(-a, 0.5, -c, a, 0.6, c));
    k.add(Solids.block(-a + 0.1, 0.36, -c + 0.08, a - 0.1, 0.5, c - 0.08), k.shade(0.9));
    for (int x = -1; x <= 1; x += 2) {
      for (int z = -1; z <= 1; z += 2) {
        k.add(Solids.cone(0.05, 0.08, -0.65, 0.5).move(x * (a - 0.13), 0, z * (c - 0.12)));
      }
    }
  }

  private static void lamp(Kit k) {
    if (k.draw.chance(0.5)) {
      k.add(
          Solids.turned(
              0.36, -1, 0.38, -0.94, 0.14, -0.86, 0.1, -0.7, 0.3, -0.35, 0.24, -0.05, 0.06, 0.15,
              0.05, 0.4));
    } else {
      k.add(Solids.turned(0.4, -1, 0.4, -0.95, 0.1, -0.9, 0.05, -0.8));
      k.add(Solids.cylinder(0.045, -0.9, 0.4));
    }
    k.add(Solids.lathe(0, -1, 0.37, -1));
    Surface shade = Surface.glow(0xF6DFA0);
    Surface lit =
        shade.with(
            (x, y, z, rgb) -> {
              float glow = Math.clamp(1 - Math.abs(y - 0.5f) * 1.1f - Math.abs(x) * 0.35f, 0f, 1f);
              Paints.times(rgb, 0.72f + 0.3f * glow);
            });
    double low = k.in(0.55, 0.7);
    double high = k.in(0.26, 0.45);
    k.add(Solids.lathe(low, 0.22, high, 0.95), lit);
    k.add(Solids.torus(low, 0.018).move(0, 0.22, 0), shade.shade(0.7));
    k.add(Solids.torus(high, 0.018).move(0, 0.95, 0), shade.shade(0.7));
  }

  private static void book(Kit k) {
    double thick = k.in(0.12, 0.22);
    double x = 0.68;
    double y = 0.95;
    k.add(Solids.block(-x, -y, thick, x, y, thick + 0.035));
    k.add(Solids.block(-x, -y, -thick - 0.035, x, y, -thick));
    Surface pages =
        Kit.PAPER.with(
            (px, py, pz, rgb) -> {
              float t = pz * 60 + 100;
              Paints.times(rgb, t - (int) t < 0.4f ? 0.86f : 1);
            });
    k.add(Solids.box(x - 0.04, y - 0.05, thick).move(-0.01, 0, 0), pages);
    Mesh spine = Solids.cylinder(thick + 0.035, -y, y).scale(0.5, 1, 1).move(-x, 0, 0);
    k.add(spine, k.shade(0.85));
    Surface print = k.colour[0] + k.colour[1] + k.colour[2] > 1.9 ? Kit.BLACK : Kit.GOLD;
    double front = thick + 0.036;
    k.add(Solids.block(-0.42, 0.36, front, 0.48, 0.5, front + 0.004), print);
    k.add(Solids.block(-0.3, 0.18, front, 0.36, 0.25, front + 0.004), print);
    for (int side = -1; side <= 1; side += 2) {
      k.add(
          Solids.block(-0.56, 0.82 * side - 0.02, front, 0.6, 0.82 * side + 0.02, front + 0.004),
          print);
    }
  }

  private static void key(Kit k) {
    k.add(Solids.torus(0.3, 0.075).turnX(90).scale(1, 1.15, 1).move(0, 0.85, 0));
    if (k.draw.chance(0.5)) {
      k.add(Solids.torus(0.13, 0.05).turnX(90).move(0, 0.85, 0));
    }
    k.add(Solids.cylinder(0.075, -1.05, 0.55));
    k.add(Solids.torus(0.1, 0.05).move(0, 0.4, 0));
    k.add(Solids.block(0, -1.0, -0.04, 0.42, -0.86, 0.04));
    k.add(Solids.block(0, -0.62, -0.04, 0.36, -0.5, 0.04));
    k.add(Solids.block(0.2, -0.9, -0.04, 0.42, -0.7, 0.04));
  }

  private static void clock(Kit k) {
    Mesh body = Solids.lathe(0, -0.22, 0.82, -0.22, 0.9, -0.1, 0.9, 0.2, 0.82, 0.24, 0.78, 0.16);
    k.add(body.turnX(90));
    double z = 0.2;
    k.add(Outline.disc(0.8).move(0, 0, z - 0.03), Surface.matte(0xF6F4EA));
    Surface ink = Surface.matte(0x1C1C20);
    for (int i = 0; i < 12; i++) {
      double w = i % 3 == 0 ? 0.035 : 0.018;
      k.add(Solids.box(w, 0.07, 0.005).move(0, 0.65, z).turnZ(30 * i), ink);
    }
    double minute = k.draw.below(60);
    double hour = (k.draw.below(12) + minute / 60) * 30;
    k.add(Solids.block(-0.04, -0.08, z, 0.04, 0.36, z + 0.02).turnZ(-hour), ink);
    k.add(Solids.block(-0.028, -0.1, z + 0.02, 0.028, 0.56, z + 0.035).turnZ(-6 * minute), ink);
    k.add(Solids.bead(0.06).move(0, 0, z + 0.03), Surface.gloss(0xC02A2A));
    for (int side = -1; side <= 1; side += 2) {
      Mesh bell = Solids.turned(0.32, 0, 0.28, 0.14, 0.14, 0.22, 0, 0.24);
      k.add(bell.move(0, 0.98, 0).turnZ(-36 * side), k.shade(0.9));
      k.add(Solids.cylinder(0.035, 0.85, 1.0).turnZ(-36 * side), Kit.STEEL);
      k.add(Solids.cone(0.04, 0.07, -1.1, -0.8).turnZ(30 * side), Kit.STEEL);
    }
    k.add(Solids.bead(0.08).move(0, 1.1, 0), Kit.STEEL);
    k.strand(Kit.STEEL, 0.025, 0.025, 0, 0.88, 0, 0, 1.1, 0);
  }

  private static void umbrella(Kit k) {
    int panels = 8;
    boolean two = k.draw.chance(0.35);
    Surface other = two ? Surface.matte(0xF3F0E8) : k.shade(0.9);
    for (int i = 0; i < panels; i++) {
      double from = (double) i / panels;
      Mesh panel =
          Solids.grid(
              8,
              14,
              false,
              false,
              (u, v, p) -> {
                double turn = from + u / panels;
                double s = 1 - v;
                double sag = Trig.sin(0.5 * u);
                double r = s * (1 - 0.07 * sag * s);
                p[0] = r * Trig.sin(turn);
                p[1] = 0.55 * (1 - 0.85 * s * s) - 0.05 * sag * s;
                p[2] = r * Trig.cos(turn);
              });
      k.add(panel, i % 2 == 0 ? k.main : other);
      double[] rib =
          Outline3.of(
              8,
              (t, p) -> {
                p[0] = t * Trig.sin(from);
                p[1] = 0.55 * (1 - 0.85 * t * t) - 0.012;
                p[2] = t * Trig.cos(from);
              });
      k.strand(Kit.STEEL, 0.012, 0.012, rib);
    }
    k.add(Solids.cylinder(0.025, -0.95, 0.72), Kit.STEEL);
    double[] hook =
        Outline3.curve(
            0, -0.8, 0, 0, -1.05, 0, 0.06, -1.2, 0, 0.18, -1.22, 0, 0.26, -1.1, 0, 0.26, -1.0, 0);
    k.add(Solids.tube(12, 0.05, 0.05, hook), Kit.TIMBER);
  }

  private static void hat(Kit k) {
    int kind = k.draw.below(3);
    Surface band =
        Surface.matte(k.colour[0] + k.colour[1] + k.colour[2] < 0.6 ? 0xB03030 : 0x232326);
    if (kind == 0) { // top hat
      k.add(Solids.turned(0.56, -0.4, 0.54, -0.1, 0.55, 0.3, 0.62, 0.75));
      k.add(Solids.lathe(0.62, 0.75, 0, 0.76));
      k.add(Solids.lathe(0.57, -0.4, 0.57, -0.16), band);
      k.add(
          Solids.grid(
              60,
              6,
              true,
              false,
              (u, v, p) -> {
                double r = 0.53 + 0.45 * v;
                p[0] = r * Trig.sin(u);
                p[1] = -0.4 + 0.14 * v * v * Math.abs(Trig.sin(u));
                p[2] = r * Trig.cos(u);
              }));
      return;
    }
    boolean straw = kind == 1;
    double brim = straw ? 1.15 : 0.95;
    k.add(
        Solids.turned(
            0.5, -0.2, 0.5, 0.1, straw ? 0.46 : 0.42, 0.34, 0.3, 0.46, 0, straw ? 0.5 : 0.38));
    k.add(Solids.lathe(0.515, -0.2, 0.505, 0.02), band);
    k.add(
        Solids.grid(
            60,
            6,
            true,
            false,
            (u, v, p) -> {
              double r = 0.49 + (brim - 0.49) * v;
              double curl = straw ? -0.06 * v : 0.2 * v * v * Math.abs(Trig.sin(u));
              p[0] = r * Trig.sin(u);
              p[1] = -0.2 + curl;
              p[2] = r * Trig.cos(u) * 1.05;
            }));
  }

  private static void spoon(Kit k) {
    Mesh bowl =
        Solids.grid(
            32,
            12,
            true,
            false,
            (u, v, p) -> {
              double r = Trig.sin(0.25 * v);
              double c = Trig.cos(u);
              p[0] = 0.3 * r * Trig.sin(u);
              p[1] = 0.42 * r * c * (1 - 0.12 * c) + 0.95;
              p[2] = -0.16 * (1 - r * r);
            });
    k.add(bowl);
    k.add(Solids.torus(0.3, 0.02).turnX(90).scale(1, 1.38, 1).move(0, 0.93, 0));
    double[] stem = Outline3.curve(0, 0.54, -0.03, 0, 0.3, 0.03, 0, -0.4, 0.03, 0, -1.15, -0.02);
    k.add(Solids.tube(12, 0.045, 0.1, stem).scale(1, 1, 0.5));
  }

  private static void fork(Kit k) {
    double[] stem = Outline3.curve(0, 0.35, 0.04, 0, 0.1, 0.04, 0, -0.5, 0.02, 0, -1.2, -0.02);
    k.add(Solids.tube(12, 0.045, 0.1, stem).scale(1, 1, 0.5));
    double[] root =
        Outline.smooth(-0.05, 0.25, 0.05, 0.25, 0.2, 0.46, 0.21, 0.66, -0.21, 0.66, -0.2, 0.46);
    k.add(Outline.plate(0.06, 0.01, root));
    for (int i = 0; i < 4; i++) {
      double x = (i - 1.5) * 0.125;
      k.add(Solids.tube(8, 0.036, 0.02, Outline3.curve(x, 0.62, 0, x, 0.9, -0.03, x, 1.2, 0.04)));
    }
  }

  private static void hammer(Kit k) {
    k.add(
        Solids.turned(0, -1.2, 0.1, -1.18, 0.11, -0.8, 0.075, -0.3, 0.075, 0.75).scale(1, 1, 0.75));
    k.add(Solids.block(-0.16, 0.6, -0.13, 0.16, 0.88, 0.13), Kit.STEEL);
    Mesh face = Solids.lathe(0, 0.5, 0.16, 0.5, 0.17, 0.46, 0.17, 0.34, 0.11, 0.26, 0.11, 0.1);
    k.add(face.turnZ(90).move(0, 0.74, 0), Kit.STEEL);
    for (int side = -1; side <= 1; side += 2) {
      double[] claw =
          Outline3.curve(
              0.1,
              0.74,
              0.05 * side,
              0.36,
              0.78,
              0.07 * side,
              0.56,
              0.68,
              0.09 * side,
              0.68,
              0.48,
              0.1 * side);
      k.add(Solids.tube(10, 0.1, 0.03, claw), Kit.STEEL);
    }
  }

  private static void scissors(Kit k) {
    double open = k.in(8, 20);
    for (int side = -1; side <= 1; side += 2) {
      double[] blade = {-0.07, -0.15, 0.1, -0.15, 0.1, 0.35, 0.0, 1.15, -0.07, 0.4};
      Mesh metal = Outline.plate(0.05, 0.012, blade).scale(side, 1, 1);
      k.add(metal.move(0, 0, 0.03 * side).turnZ(open * side), Kit.STEEL);
      double[] arm = Outline3.curve(0, -0.05, 0, -0.08 * side, -0.4, 0, -0.2 * side, -0.6, 0);
      k.add(Solids.tube(10, 0.07, 0.075, arm).turnZ(open * side));
      Mesh grip = Solids.torus(0.22, 0.07).turnX(90).scale(0.85, 1.15, 1);
      k.add(grip.move(-0.28 * side, -0.82, 0).turnZ(open * side));
    }
    k.add(Solids.cylinder(0.055, -0.08, 0.08).turnX(90), Surface.metal(0x8C9096));
  }

  private static void pencil(Kit k) {
    double r = 0.13;
    k.add(Solids.facets(6, r, -0.95, r, 0.8));
    k.add(Solids.facets(24, 0.045, -1.22, r * 0.97, -0.94), Surface.matte(0xE6C48E));
    k.add(Solids.cone(0.0, 0.047, -1.36, -1.22), Surface.matte(0x2A2A2E));
    k.add(Solids.cylinder(r * 0.98, 0.8, 1.02), Kit.STEEL);
    k.add(
        Solids.turned(r * 0.92, 1.02, r * 0.92, 1.2, r * 0.7, 1.28, 0, 1.3),
        Surface.matte(0xE88C96));
  }

  private static void ladder(Kit k) {
    double wide = k.in(0.3, 0.38);
    for (int side = -1; side <= 1; side += 2) {
      k.add(Solids.box(0.05, 1.3, 0.035).move(wide * side, 0, 0));
    }
    int rungs = 7;
    for (int i = 0; i < rungs; i++) {
      double y = -1.1 + 2.2 * i / (rungs - 1);
      k.add(Solids.cylinder(0.035, -wide, wide).turnZ(90).move(0, y, 0), k.shade(0.9));
    }
  }

  private static void glasses(Kit k) {
    boolean round = k.draw.chance(0.5);
    boolean dark = k.draw.chance(0.35);
    Surface lens = dark ? Surface.gloss(0x26282E) : Surface.glass(0xB8D4E4);
    double[] shape =
        round
            ? Outline.ellipse(0.42, 0.4, 40)
            : Outline.smooth(
                -0.42, 0.28, -0.4, -0.15, -0.15, -0.34, 0.2, -0.34, 0.42, -0.1, 0.45, 0.28, 0,
                0.32);
    for (int side = -1; side <= 1; side += 2) {
      double[] frame = new double[shape.length / 2 * 3 + 3];
      for (int i = 0; i <= shape.length / 2; i++) {
        int j = i % (shape.length / 2);
        frame[3 * i] = side * (shape[2 * j] + 0.54);
        frame[3 * i + 1] = shape[2 * j + 1];
      }
      k.add(Solids.tube(10, 0.05, 0.05, frame));
      k.add(Outline.sheet(shape).move(0.54, 0, 0).scale(side, 1, 1), lens);
      double[] temple =
          Outline3.curve(
              0.97 * side,
              0.16,
              0,
              1.02 * side,
              0.16,
              -0.2,
              0.98 * side,
              0.14,
              -0.9,
              0.96 * side,
              -0.12,
              -1.15);
      k.add(Solids.tube(8, 0.04, 0.035, temple));
    }
    k.add(
        Solids.tube(10, 0.045, 0.045, Outline3.curve(-0.16, 0.1, 0, 0, 0.17, 0.03, 0.16, 0.1, 0)));
  }

  private static void axe(Kit k) {
    k.add(
        Solids.tube(
            12, 0.085, 0.07, Outline3.curve(0.08, -1.25, 0, 0, -0.6, 0, 0.02, 0.2, 0, 0, 1.0, 0)));
    double[] head = {
      -0.16, 0.6, 0.16, 0.62, 0.42, 0.5, 0.68, 0.28, 0.76, 0.65, 0.72, 1.05, 0.42, 0.88, 0.16, 0.86,
      -0.16, 0.88
    };
    k.add(Outline.plate(0.2, 0.06, head), Kit.STEEL);
  }

  private static void sword(Kit k) {
    double[] blade = {-0.09, -0.5, 0.09, -0.5, 0.07, 1.15, 0, 1.4, -0.07, 1.15};
    k.add(Outline.plate(0.07, 0.03, blade), Kit.STEEL);
    k.add(Solids.block(-0.02, -0.45, 0.034, 0.02, 0.95, 0.038), Surface.metal(0x8E949C));
    k.add(
        Solids.tube(
            12,
            0.065,
            0.065,
            Outline3.curve(-0.42, -0.46, 0, -0.2, -0.53, 0, 0.2, -0.53, 0, 0.42, -0.46, 0)),
        Kit.GOLD);
    k.add(Solids.cylinder(0.065, -0.95, -0.52));
    for (int i = 0; i < 5; i++) {
      k.add(Solids.torus(0.066, 0.014).move(0, -0.6 - 0.075 * i, 0), k.shade(0.6));
    }
    k.add(Solids.bead(0.11).move(0, -1.02, 0), Kit.GOLD);
  }

  private static void envelope(Kit k) {
    k.add(Solids.box(1, 0.66, 0.03));
    Surface line = k.shade(0.62);
    k.add(Outline.sheet(-0.99, 0.65, 0, -0.14, 0.99, 0.65).move(0, 0, 0.036), k.shade(0.88));
    k.strand(line, 0.013, 0.013, -0.99, 0.65, 0.04, 0, -0.14, 0.04, 0.99, 0.65, 0.04);
    k.strand(line, 0.01, 0.01, -0.99, -0.65, 0.04, -0.14, -0.02, 0.04);
    k.strand(line, 0.01, 0.01, 0.99, -0.65, 0.04, 0.14, -0.02, 0.04);
    if (k.draw.chance(0.6)) {
      k.add(
          Solids.ellipsoid(0.16, 0.16, 0.04, 24, 8).move(0, -0.12, 0.05), Surface.gloss(0xB0202C));
    }
  }
}
