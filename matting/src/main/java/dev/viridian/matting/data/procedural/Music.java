package dev.viridian.matting.data.procedural;

import java.util.List;

/** What makes music, and bells. */
final class Music {
  private Music() {}

  static List<Noun> nouns() {
    return List.of(
        Noun.of("bell", new Pose(180, -4, 14, 16), Music::bell)
            .of(Material.METAL, Material.GLOSSY)
            .natural("yellow"),
        Noun.of("drum", Pose.STANDING, Music::drum).solid(),
        Noun.of("guitar", Pose.LOOSE, Music::guitar).of(Material.WOODEN, Material.GLOSSY));
  }

  private static void bell(Kit k) {
    k.add(
        Solids.turned(
            0.72, -0.78, 0.78, -0.72, 0.62, -0.5, 0.46, -0.05, 0.4, 0.3, 0.3, 0.56, 0.1, 0.66, 0,
            0.67));
    k.add(Solids.torus(0.74, 0.05).move(0, -0.74, 0), k.shade(0.85));
    k.add(Solids.torus(0.14, 0.045).turnX(90).move(0, 0.78, 0));
    k.add(Solids.bead(0.17).move(0, -0.86, 0), k.shade(0.6));
  }

  private static void drum(Kit k) {
    k.add(Solids.lathe(0.8, -0.5, 0.8, 0.5));
    k.add(Solids.cylinder(0.78, -0.5, 0.52), Surface.matte(0xF3EDDF));
    for (int side = -1; side <= 1; side += 2) {
      k.add(Solids.torus(0.82, 0.055).move(0, 0.5 * side, 0), Kit.GOLD);
    }
    int n = 9;
    for (int i = 0; i < n; i++) {
      double[] a = Toys.at(0.83, 0.45, i, n);
      double[] b = Toys.at(0.83, -0.45, i + 0.5, n);
      double[] c = Toys.at(0.83, 0.45, i + 1, n);
      double[] rope = {a[0], a[1], a[2], b[0], b[1], b[2], c[0], c[1], c[2]};
      k.add(Solids.tube(6, 0.018, 0.018, rope), Surface.matte(0xF0E8D0));
    }
    if (k.draw.chance(0.6)) {
      for (int side = -1; side <= 1; side += 2) {
        k.add(Solids.tube(0.03, 0.04, -0.7 * side, 0.75, 0.3, 0.55 * side, 0.62, 0.1), Kit.TIMBER);
        k.add(Solids.bead(0.08).move(0.55 * side, 0.62, 0.1), Kit.TIMBER);
      }
    }
  }

  private static void guitar(Kit k) {
    double[] body =
        Outline.through(
            Outline.mirrored(
                0, -1.05, 0.36, -1.0, 0.56, -0.75, 0.54, -0.45, 0.36, -0.22, 0.34, -0.08, 0.42,
                0.12, 0.34, 0.32, 0.12, 0.38, 0, 0.38),
            true,
            4);
    k.add(Outline.plate(0.2, 0.03, body));
    k.add(Outline.disc(0.17).move(0, -0.16, 0.105), Surface.matte(0x17110C));
    k.add(Solids.torus(0.18, 0.02).turnX(90).move(0, -0.16, 0.1), Kit.STEM);
    k.add(Solids.box(0.2, 0.035, 0.03).move(0, -0.66, 0.12), Kit.STEM);
    k.add(Solids.block(-0.07, 0.0, 0.08, 0.07, 1.15, 0.14), Surface.matte(0x4A2F1A));
    k.add(
        Outline.plate(0.07, 0.01, -0.09, 1.12, 0.09, 1.12, 0.12, 1.46, -0.12, 1.46).move(0, 0, 0.1),
        k.shade(0.7));
    for (int i = 0; i < 3; i++) {
      for (int side = -1; side <= 1; side += 2) {
        k.add(Solids.bead(0.035).move(0.15 * side, 1.2 + 0.1 * i, 0.1), Kit.STEEL);
      }
    }
    for (int i = 0; i < 6; i++) {
      double x = (i - 2.5) * 0.02;
      k.strand(Surface.gloss(0xE8E4D8), 0.006, 0.006, x * 1.3, -0.66, 0.16, x, 1.14, 0.16);
    }
    for (int i = 0; i < 9; i++) {
      double y = 1.1 - 0.11 * i;
      k.strand(Kit.STEEL, 0.008, 0.008, -0.07, y, 0.145, 0.07, y, 0.145);
    }
  }
}
