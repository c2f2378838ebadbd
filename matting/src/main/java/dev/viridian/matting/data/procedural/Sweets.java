package dev.viridian.matting.data.procedural;

import java.util.List;

/** Sweets. */
final class Sweets {
  private Sweets() {}

  static List<Noun> nouns() {
    return List.of(
        Noun.of("donut", new Pose(180, 38, 65, 15), Sweets::donut)
            .of(Material.GLOSSY, Material.MATTE)
            .natural("pink", "brown"),
        Noun.of("ice cream cone", Pose.FLAT, Sweets::iceCream)
            .of(Material.MATTE, Material.GLOSSY)
            .natural("pink", "white", "brown"),
        Noun.of("lollipop", Pose.FLAT, Sweets::lollipop).of(Material.GLOSSY));
  }

  private static void donut(Kit k) {
    k.add(Solids.torus(0.68, 0.34).scale(1, 0.85, 1), Surface.matte(0xCF9A52));
    Mesh icing =
        Solids.grid(
            72,
            14,
            true,
            false,
            (u, v, p) -> {
              double drip = 0.03 * Trig.sin(7 * u) + 0.02 * Trig.sin(11 * u + 0.3);
              double turn = Trig.mix(-0.03 - drip, 0.53 + drip, v);
              double r = 0.68 + 0.365 * Trig.cos(turn);
              p[0] = r * Trig.sin(u);
              p[1] = 0.33 * Trig.sin(turn);
              p[2] = r * Trig.cos(u);
            });
    k.add(icing);
    int[] colours = {0xF4F4F0, 0xF2D13A, 0x3F7FD9, 0xE0482F, 0x8C54C4};
    for (int i = 0; i < 46; i++) {
      double turn = k.draw.unit();
      double lift = k.in(0.1, 0.42);
      double r = 0.68 + 0.37 * Trig.cos(lift);
      Mesh sprinkle = Solids.ellipsoid(0.055, 0.018, 0.018, 8, 6).turnY(k.in(0, 180));
      k.add(
          sprinkle.move(0, 0.335 * Trig.sin(lift), r).turnY(360 * turn),
          Surface.gloss(colours[i % 5]));
    }
  }

  private static void iceCream(Kit k) {
    Surface wafer =
        Surface.matte(0xD9A35A)
            .with(
                (x, y, z, rgb) -> {
                  float turn = (float) StrictMath.atan2(x, z) * 1.9f;
                  float a = turn + y * 5.5f + 100;
                  float b = turn - y * 5.5f + 100;
                  boolean line = a - (int) a < 0.16f || b - (int) b < 0.16f;
                  Paints.times(rgb, line ? 0.68f : 1);
                });
    k.add(Solids.lathe(0, -1.15, 0.06, -1.1, 0.52, 0.1, 0.55, 0.14, 0, 0.14), wafer);
    int scoops = 1 + k.draw.below(3);
    double y = 0.32;
    Surface[] taste = {k.main, Surface.matte(0xF3E7C9), Surface.matte(0x6B4028)};
    for (int i = 0; i < scoops; i++) {
      double r = 0.56 - 0.07 * i;
      Mesh scoop =
          Solids.grid(
              40,
              20,
              true,
              false,
              (u, v, p) -> {
                double h = -Trig.cos(0.5 * v);
                double w = Trig.sin(0.5 * v);
                double skirt = 0.1 * Trig.pow(Math.max(0, -h - 0.1), 0.8);
                double wave = 1 + 0.05 * Trig.sin(9 * u) * Math.max(0, -h);
                p[0] = (w + skirt) * wave * Trig.sin(u);
                p[1] = Math.max(h, -0.55);
                p[2] = (w + skirt) * wave * Trig.cos(u);
              });
      k.add(scoop.scale(r).move(0, y, 0), taste[i % 3]);
      y += r * 1.05;
    }
    if (k.draw.chance(0.4)) {
      k.add(Solids.bead(0.13).move(0.02, y - 0.05, 0), Surface.gloss(0xC8202E));
      k.strand(Kit.STEM, 0.015, 0.015, 0.02, y + 0.05, 0, 0.12, y + 0.3, 0);
    }
  }

  private static void lollipop(Kit k) {
    k.add(Solids.cylinder(0.045, -1.5, -0.3), Surface.matte(0xF4F2EA));
    Surface white =
        Surface.gloss(k.colour[0] + k.colour[1] + k.colour[2] > 2.3 ? 0xD84A6A : 0xF7F4EE);
    Surface swirl =
        k.plain.with(
            (x, y, z, rgb) -> {
              float r = (float) Math.sqrt(x * x + y * y);
              float turn = (float) StrictMath.atan2(y, x) / 6.2832f + 10;
              float t = turn * 2 - r * 4 + 20;
              if (t - (int) t < 0.5f) {
                Paints.set(rgb, white.red(), white.green(), white.blue());
              }
            });
    k.add(Solids.ellipsoid(0.72, 0.72, 0.17).move(0, 0, 0), swirl);
  }
}
