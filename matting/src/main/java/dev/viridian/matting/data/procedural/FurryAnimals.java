package dev.viridian.matting.data.procedural;

import java.util.List;

/** Animals with hair or spines. */
final class FurryAnimals {
  private FurryAnimals() {}

  static List<Noun> nouns() {
    Pose side = new Pose(35, 2, 22, 8);
    return List.of(
        Noun.of("hedgehog", side, FurryAnimals::hedgehog)
            .of(Material.MATTE)
            .natural("brown", "grey"),
        Noun.of("teddy bear", Pose.FACING, FurryAnimals::teddy)
            .of(Material.MATTE)
            .natural("brown", "white", "pink"),
        Noun.of("rabbit", new Pose(40, 2, 18, 5), FurryAnimals::rabbit)
            .of(Material.MATTE)
            .natural("white", "grey", "brown"));
  }

  private static void hedgehog(Kit k) {
    Surface face = Surface.matte(0xD9B48A);
    k.add(Solids.ellipsoid(0.8, 0.56, 0.55), k.plain.shade(0.6));
    Mesh snout = Solids.turned(0.36, 0, 0.3, 0.2, 0.16, 0.46, 0.07, 0.6, 0, 0.62);
    k.add(snout.turnZ(-100).move(0.55, -0.12, 0), face);
    k.add(Solids.ellipsoid(0.62, 0.3, 0.42, 32, 16).move(0.1, -0.32, 0), face);
    k.add(Solids.bead(0.08).move(1.17, -0.22, 0), Kit.BLACK);
    for (int side = -1; side <= 1; side += 2) {
      k.add(Solids.bead(0.055).move(0.82, 0.02, 0.21 * side), Kit.BLACK);
      k.add(Solids.ellipsoid(0.06, 0.12, 0.1, 16, 10).move(0.55, 0.2, 0.3 * side), face);
      for (int end = -1; end <= 1; end += 2) {
        k.add(Solids.ellipsoid(0.16, 0.08, 0.1, 16, 8).move(0.4 * end, -0.6, 0.22 * side), face);
      }
    }
    Surface[] spines = {k.plain, k.plain.shade(0.7), k.plain.shade(1.7)};
    for (int i = 0; i < 1500; i++) {
      double[] d = {0, 0, 0};
      double y = k.in(-0.45, 1);
      double r = Math.sqrt(1 - y * y);
      double turn = k.draw.unit();
      d[0] = r * Trig.sin(turn);
      d[1] = y;
      d[2] = r * Trig.cos(turn);
      if (d[0] > 0.62 && d[1] < 0.55) {
        continue;
      }
      double length = k.in(0.2, 0.34);
      k.strand(
          spines[i % 3],
          0.012,
          0.002,
          0.76 * d[0],
          0.54 * d[1],
          0.52 * d[2],
          0.76 * d[0] + length * (d[0] - 0.5),
          0.54 * d[1] + length * d[1] + 0.04,
          0.52 * d[2] + length * d[2]);
    }
  }

  private static void fuzz(Kit k, Surface fur, double[] middle, double[] axes, int count) {
    for (int i = 0; i < count; i++) {
      double y = k.draw.around(1);
      double r = Math.sqrt(1 - y * y);
      double turn = k.draw.unit();
      double[] d = {r * Trig.sin(turn), y, r * Trig.cos(turn)};
      double[] path = new double[6];
      for (int c = 0; c < 3; c++) {
        path[c] = middle[c] + axes[c] * d[c] * 0.96;
        path[3 + c] = middle[c] + axes[c] * d[c] + 0.07 * d[c] + k.draw.around(0.03);
      }
      k.strand(fur, 0.01, 0.003, path);
    }
  }

  private static void furry(
      Kit k, double x, double y, double z, double a, double b, double c, int hairs) {
    k.add(Solids.ellipsoid(a, b, c, 40, 20).move(x, y, z), k.plain);
    fuzz(k, k.plain.shade(k.in(0.85, 1.15)), new double[] {x, y, z}, new double[] {a, b, c}, hairs);
  }

  private static void teddy(Kit k) {
    furry(k, 0, -0.35, 0, 0.55, 0.6, 0.48, 380);
    furry(k, 0, 0.55, 0, 0.46, 0.42, 0.42, 320);
    Surface light = k.plain.shade(1.7);
    k.add(Solids.ellipsoid(0.2, 0.16, 0.16, 24, 12).move(0, 0.44, 0.37), light);
    k.add(Solids.ellipsoid(0.36, 0.4, 0.2, 28, 14).move(0, -0.35, 0.32), light);
    k.add(Solids.ellipsoid(0.07, 0.05, 0.05, 14, 8).move(0, 0.52, 0.52), Kit.BLACK);
    eyes(k, 0.17, 0.65, 0.37, 0.055);
    for (int side = -1; side <= 1; side += 2) {
      furry(k, 0.38 * side, 0.9, -0.02, 0.18, 0.18, 0.1, 90);
      k.add(Solids.ellipsoid(0.1, 0.1, 0.06, 16, 8).move(0.38 * side, 0.89, 0.07), light);
      furry(k, 0.6 * side, -0.18, 0.12, 0.2, 0.36, 0.2, 140);
      furry(k, 0.4 * side, -0.86, 0.3, 0.24, 0.24, 0.34, 140);
      k.add(Solids.ellipsoid(0.15, 0.16, 0.06, 18, 8).move(0.4 * side, -0.85, 0.62), light);
    }
  }

  private static void rabbit(Kit k) {
    furry(k, 0, -0.4, 0, 0.46, 0.56, 0.44, 300);
    furry(k, 0, 0.4, 0.08, 0.36, 0.34, 0.34, 260);
    Surface pink = Surface.matte(0xF0A8B0);
    for (int side = -1; side <= 1; side += 2) {
      double lean = -side * k.in(4, 16);
      Mesh ear = Solids.ellipsoid(0.12, 0.42, 0.07, 24, 16).move(0, 0.36, 0).turnZ(lean);
      k.add(ear.move(0.16 * side, 0.62, 0), k.plain);
      Mesh inner = Solids.ellipsoid(0.07, 0.32, 0.04, 20, 14).move(0, 0.36, 0.05).turnZ(lean);
      k.add(inner.move(0.16 * side, 0.62, 0), pink);
      k.add(Solids.ellipsoid(0.15, 0.12, 0.34, 24, 12).move(0.24 * side, -0.92, 0.3), k.plain);
      k.add(Solids.ellipsoid(0.11, 0.26, 0.12, 20, 12).move(0.2 * side, -0.4, 0.4), k.plain);
      for (int i = -1; i <= 1; i++) {
        k.strand(Kit.WHITE, 0.006, 0.002, 0.1 * side, 0.3, 0.42, 0.5 * side, 0.32 + 0.09 * i, 0.44);
      }
    }
    eyes(k, 0.16, 0.48, 0.36, 0.06);
    k.add(Solids.ellipsoid(0.05, 0.035, 0.04, 12, 8).move(0, 0.36, 0.43), pink);
    k.add(Solids.bead(0.17).move(0, -0.65, -0.45), Kit.WHITE);
  }

  /** Two eyes, or one of them where the other is hidden. */
  private static void eyes(Kit k, double x, double y, double z, double r) {
    for (int side = -1; side <= 1; side += 2) {
      k.add(Solids.bead(r).move(x * side, y, z), Kit.BLACK);
      k.add(
          Solids.ellipsoid(r * 0.3, r * 0.3, r * 0.3, 8, 6)
              .move(x * side + r * 0.3, y + r * 0.35, z + r * 0.8),
          Kit.WHITE);
    }
  }
}
