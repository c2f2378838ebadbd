package dev.viridian.matting.data.procedural;

import java.util.Arrays;
import java.util.List;

/** Combs, brooms and brushes. */
final class Brushes {
  private Brushes() {}

  static List<Noun> nouns() {
    return List.of(
        Noun.of("comb", Pose.LOOSE, Brushes::comb)
            .of(Material.GLOSSY, Material.MATTE, Material.WOODEN),
        Noun.of("broom", Pose.LOOSE, Brushes::broom)
            .of(Material.WOODEN, Material.MATTE)
            .natural("brown"),
        Noun.of("paintbrush", Pose.LOOSE, Brushes::paintbrush)
            .of(Material.WOODEN, Material.GLOSSY, Material.MATTE));
  }

  private static void comb(Kit k) {
    k.add(
        Outline.plate(
            0.1,
            0.02,
            Outline.smooth(
                -1.05, 0.1, -0.95, 0.05, 0.95, 0.05, 1.05, 0.1, 1.0, 0.42, 0.6, 0.5, -0.6, 0.5,
                -1.0, 0.42)));
    int n = 34;
    for (int i = 0; i < n; i++) {
      double x = -0.92 + 1.84 * i / (n - 1);
      k.add(Solids.tube(6, 0.02, 0.008, x, 0.1, 0, x, -0.5, 0));
    }
    for (int side = -1; side <= 1; side += 2) {
      k.add(Solids.block(side * 1.0 - 0.05, -0.5, -0.05, side * 1.0 + 0.05, 0.2, 0.05));
    }
  }

  private static void broom(Kit k) {
    k.add(Solids.cylinder(0.045, -0.3, 1.6));
    Surface[] straw = {Surface.matte(0xD9B25A), Surface.matte(0xC49A45), Surface.matte(0xE7C874)};
    for (int i = 0; i < 420; i++) {
      double x = k.draw.around(1);
      double z = k.draw.around(0.5);
      double low = k.in(-1.32, -1.15);
      k.strand(
          straw[i % 3],
          0.012,
          0.007,
          0.1 * x,
          -0.2,
          0.12 * z,
          0.26 * x,
          -0.55,
          0.25 * z,
          0.5 * x + k.draw.around(0.03),
          low,
          0.4 * z);
    }
    k.add(Solids.turned(0.06, -0.02, 0.13, -0.15, 0.16, -0.28), straw[1].shade(0.8));
    Mesh band = Solids.torus(0.24, 0.025).scale(1, 1, 0.5).move(0, -0.5, 0);
    k.add(band, Surface.matte(0xB03030));
  }

  private static void paintbrush(Kit k) {
    k.add(
        Solids.turned(0, 1.5, 0.03, 1.48, 0.06, 1.2, 0.09, 0.5, 0.12, 0.15, 0.1, 0.0)
            .scale(1, 1, 1));
    k.add(Solids.cone(0.13, 0.11, -0.35, 0.04), Kit.STEEL);
    Surface[] hair = {Surface.matte(0x5A3E24), Surface.matte(0x76532F), Surface.matte(0x432C18)};
    boolean wet = k.draw.chance(0.6);
    int paint = k.draw.below(3);
    Surface tip = Surface.gloss(paint == 0 ? 0xD02828 : paint == 1 ? 0x2A55CC : 0xF0C020);
    for (int i = 0; i < 260; i++) {
      double x = k.draw.around(1);
      double z = k.draw.around(1) * Math.sqrt(1 - x * x);
      double[] path = {
        0.11 * x,
        -0.33,
        0.11 * z,
        0.15 * x,
        -0.55,
        0.15 * z,
        0.1 * x,
        -0.8,
        0.1 * z,
        0.02 * x,
        -1.0 + 0.08 * Math.abs(x),
        0.02 * z
      };
      k.strand(hair[i % 3], 0.011, 0.006, path);
      if (wet) {
        double[] end = Arrays.copyOfRange(path, 6, 12);
        k.strand(tip, 0.013, 0.007, end);
      }
    }
  }
}
