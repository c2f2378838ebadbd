package dev.viridian.matting.data.procedural;

import java.util.List;

/** Flowers. */
final class Flowers {
  private Flowers() {}

  static List<Noun> nouns() {
    Pose flower = new Pose(30, 0, 20, 10);
    return List.of(
        Noun.of("tulip", flower, Flowers::tulip).of(Material.MATTE, Material.GLOSSY),
        Noun.of("daisy", flower, Flowers::daisy).of(Material.MATTE).natural("white", "pink"),
        Noun.of("rose", flower, Flowers::rose)
            .of(Material.MATTE, Material.GLOSSY)
            .natural("red", "pink", "white"),
        Noun.of("sunflower", flower, Flowers::sunflower).of(Material.MATTE).natural("yellow"),
        Noun.of("dandelion", Pose.FLAT, Flowers::dandelion)
            .called("* dandelion clock")
            .of(Material.MATTE)
            .natural("white", "grey"));
  }

  private static void tulip(Kit k) {
    stalk(k, -1.35, 0.15);
    for (int side = -1; side <= 1; side += 2) {
      k.add(
          Outline.blade(k.in(1, 1.3), 0.26, 0.5, 0.2, 0.5)
              .turnX(k.in(14, 28))
              .turnY(90 * side + k.in(-30, 30))
              .move(0, -1.25, 0),
          Kit.LEAF);
    }
    for (int i = 0; i < 6; i++) {
      boolean inner = i % 2 == 0;
      Mesh petal =
          Solids.grid(
              8,
              14,
              false,
              false,
              (u, v, p) -> {
                double r = (inner ? 0.36 : 0.4) * Trig.pow(Trig.sin(0.5 * (0.02 + 0.8 * v)), 0.6);
                double half = 0.115 * Trig.pow(Trig.sin(0.5 * Trig.pow(v, 0.8)), 0.5) + 0.005;
                double turn = half * (2 * u - 1);
                p[0] = r * Trig.sin(turn);
                p[1] = 0.95 * v;
                p[2] = r * Trig.cos(turn);
              });
      k.add(petal.turnY(60 * i).move(0, 0.1, 0), inner ? k.shade(0.82) : k.main);
    }
  }

  /** A flower of eight petals that faces the viewer. */
  static void blossom(Kit k, double x, double y, double z, double radius, Surface petals) {
    for (int i = 0; i < 8; i++) {
      k.add(Outline.blade(radius, radius * 0.6, 0.1, 0.2, 0.6).turnZ(45 * i).move(x, y, z), petals);
    }
    k.add(
        Solids.ellipsoid(radius * 0.28, radius * 0.28, radius * 0.2, 16, 8).move(x, y, z + 0.03),
        Surface.matte(0xE5A91F));
  }

  private static void daisy(Kit k) {
    stalk(k, -1.5, 0.2);
    k.leaf(0, -1.1, 0, 0.6, k.in(-100, 100), 50);
    int n = 14 + k.draw.below(6);
    Mesh head = new Mesh();
    for (int i = 0; i < n; i++) {
      double length = k.in(0.66, 0.74);
      head.add(
          Outline.blade(length, 0.2, 0.25, k.in(-0.05, 0.12), 0.62)
              .turnZ(360.0 * i / n)
              .move(0, 0, 0.02 * (i % 2)));
    }
    double tip = k.in(-25, 0);
    k.add(head.turnX(tip).move(0, 0.25, 0.05), k.main);
    k.add(
        Solids.ellipsoid(0.22, 0.22, 0.12, 24, 12).turnX(tip).move(0, 0.25, 0.08),
        Surface.matte(0xEDB120).with(Paints.mottled(30, 0.25, 8)));
  }

  private static void rose(Kit k) {
    stalk(k, -1.6, -0.1);
    for (int side = -1; side <= 1; side += 2) {
      k.leaf(0, -0.9 + 0.2 * side, 0, 0.55, 90 * side, 55);
    }
    int n = 19;
    for (int i = 0; i < n; i++) {
      double t = (double) i / (n - 1);
      double r0 = 0.05 + 0.42 * t;
      double high = Trig.mix(0.7, 0.5, t);
      double wide = Trig.mix(0.3, 0.15, t);
      double flare = 0.05 + 0.14 * t;
      Mesh petal =
          Solids.grid(
              10,
              10,
              false,
              false,
              (u, v, p) -> {
                double s = 2 * u - 1;
                double turn = wide * s;
                double bowl = Trig.sin(0.25 * Math.min(1, 1.5 * v + 0.05));
                double lip = Trig.smooth(0.7, 1, v);
                double r = r0 * bowl + flare * lip * lip;
                p[0] = r * Trig.sin(turn);
                p[1] = high * v * (1 - 0.2 * s * s) - 0.05 * lip;
                p[2] = r * Trig.cos(turn);
              });
      k.add(petal.turnY(137.5 * i).turnX(24).move(0, -0.1, 0), k.shade(Trig.mix(0.55, 1.1, t * t)));
    }
    for (int i = 0; i < 5; i++) {
      k.add(
          Outline.blade(0.42, 0.14, 0.2, 0.1, 0.3).turnX(115).turnY(72 * i).move(0, -0.05, 0),
          Kit.LEAF);
    }
  }

  private static void sunflower(Kit k) {
    stalk(k, -1.6, 0.2);
    k.leaf(0, -0.7, 0, 0.75, 90, 55);
    k.leaf(0, -0.95, 0, 0.75, -90, 55);
    for (int ring = 0; ring < 2; ring++) {
      for (int i = 0; i < 20; i++) {
        k.add(
            Outline.blade(0.46 - 0.04 * ring, 0.17, 0.3, 0.12 + 0.1 * ring, 0.45)
                .move(0, 0.38, 0)
                .turnZ(18 * i + 9 * ring)
                .move(0, 0.3, 0.04 + 0.03 * ring),
            ring == 0 ? k.shade(0.85) : k.main);
      }
    }
    Surface seeds =
        Surface.matte(0x4A2B12)
            .with(
                (x, y, z, rgb) -> {
                  float r = (float) Math.sqrt(x * x + y * y);
                  Paints.mix(rgb, 0x8A5A1E, r < 0.2f ? 0.5f : 0);
                  Paints.times(rgb, 0.7f + 0.6f * Noise.value(x * 34, y * 34, 2));
                });
    k.add(Solids.ellipsoid(0.44, 0.44, 0.14).move(0, 0.3, 0.05), seeds);
  }

  private static void dandelion(Kit k) {
    stalk(k, -1.9, 0);
    k.add(Solids.bead(0.1), Surface.matte(0x8A7A4A));
    for (int i = 0; i < 230; i++) {
      double[] d = k.draw.direction();
      double r = k.in(0.6, 0.68);
      k.strand(
          k.plain, 0.005, 0.004, 0.1 * d[0], 0.1 * d[1], 0.1 * d[2], r * d[0], r * d[1], r * d[2]);
      for (int j = 0; j < 11; j++) {
        double[] e = k.draw.direction();
        double s = 0.15;
        k.strand(
            k.plain,
            0.004,
            0.002,
            r * d[0],
            r * d[1],
            r * d[2],
            (r + 0.1) * d[0] + s * e[0],
            (r + 0.1) * d[1] + s * e[1],
            (r + 0.1) * d[2] + s * e[2]);
      }
    }
  }

  private static void stalk(Kit k, double from, double to) {
    double sway = k.in(-0.1, 0.1);
    k.add(
        Solids.tube(
            8, 0.045, 0.035, Outline3.curve(0, from, 0, sway, (from + to) / 2, 0, 0, to, 0)),
        Kit.LEAF);
  }
}
