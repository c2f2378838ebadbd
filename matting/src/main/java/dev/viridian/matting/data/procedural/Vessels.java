package dev.viridian.matting.data.procedural;

import java.util.List;

/** Things to drink from, to cook in and to keep things in. */
final class Vessels {
  private Vessels() {}

  static List<Noun> nouns() {
    return List.of(
        Noun.of("mug", new Pose(60, 14, 32, 6), Vessels::mug).any(),
        Noun.of("teacup", new Pose(60, 18, 36, 5), Vessels::teacup)
            .called("* teacup on a saucer")
            .soft(),
        Noun.of("bowl", new Pose(180, 16, 38, 5), Vessels::bowl).any(),
        Noun.of("vase", Pose.STANDING, Vessels::vase).any(),
        Noun.of("bottle", Pose.STANDING, Vessels::bottle)
            .of(Material.GLASS, Material.GLASS, Material.GLOSSY, Material.MATTE, Material.METAL),
        Noun.of("wine glass", Pose.STANDING, Vessels::wineGlass)
            .of(Material.GLASS)
            .natural("white", "grey"),
        Noun.of("drinking glass", Pose.STANDING, Vessels::drinkingGlass)
            .called("* drinking glass with a straw")
            .of(Material.GLASS),
        Noun.of("teapot", new Pose(30, 8, 24, 5), Vessels::teapot)
            .of(Material.GLOSSY, Material.MATTE, Material.METAL, Material.DOTTED, Material.STRIPED),
        Noun.of("bucket", new Pose(40, 14, 34, 6), Vessels::bucket)
            .of(Material.METAL, Material.MATTE, Material.GLOSSY, Material.WOODEN, Material.STRIPED),
        Noun.of("barrel", Pose.STANDING, Vessels::barrel).of(Material.WOODEN).natural("brown"),
        Noun.of("light bulb", Pose.FLAT, Vessels::lightBulb)
            .of(Material.GLASS, Material.GLOSSY)
            .natural("yellow", "white"),
        Noun.of("hourglass", Pose.FACING, Vessels::hourglass).of(Material.WOODEN, Material.METAL),
        Noun.of("frying pan", new Pose(180, 38, 62, 10), Vessels::pan)
            .of(Material.METAL)
            .natural("black", "grey"),
        Noun.of("flower pot", Pose.STANDING, Vessels::flowerPot)
            .called("* flower pot with a plant")
            .solid()
            .natural("orange", "brown"));
  }

  private static void handle(Kit k, double x, double top, double bottom, double out, double thick) {
    double[] path =
        Outline3.curve(
            x,
            top,
            0,
            x + out * 0.7,
            top,
            0,
            x + out,
            (top + bottom) / 2,
            0,
            x + out * 0.6,
            bottom,
            0,
            x - 0.02,
            bottom,
            0);
    k.add(Solids.tube(14, thick, thick, path));
  }

  private static void fillWith(Kit k, double radius, double y, int colour) {
    k.add(Solids.lathe(radius, y, 0, y + 0.001), Surface.gloss(colour));
  }

  private static void mug(Kit k) {
    double r = k.in(0.6, 0.72);
    double wide = r + k.in(-0.05, 0.06);
    k.add(Solids.hollow(0.06, 0, -0.75, r - 0.05, -0.75, r, -0.68, wide, 0.75));
    handle(k, r, 0.45, -0.4, 0.45, 0.085);
    if (k.material != Material.GLASS) {
      fillWith(k, r - 0.07, 0.45, k.draw.chance(0.5) ? 0x4A2A16 : 0x7A4426);
    }
  }

  private static void teacup(Kit k) {
    k.add(
        Solids.hollow(0.045, 0, -0.4, 0.26, -0.4, 0.3, -0.34, 0.55, -0.12, 0.68, 0.2, 0.72, 0.42));
    handle(k, 0.62, 0.24, -0.12, 0.34, 0.05);
    fillWith(k, 0.64, 0.26, 0xA5602A);
    k.add(Solids.hollow(0.04, 0, -0.52, 0.4, -0.52, 0.5, -0.46, 1.1, -0.3));
  }

  private static void bowl(Kit k) {
    k.add(Solids.hollow(0.06, 0, -0.5, 0.38, -0.5, 0.42, -0.4, 0.7, -0.22, 0.92, 0.1, 1.0, 0.42));
    double filling = k.draw.unit();
    if (k.material == Material.GLASS || filling < 0.5) {
      return;
    }
    if (filling < 0.8) {
      fillWith(k, 0.88, 0.22, filling < 0.65 ? 0xC8542A : 0xE8C35A);
    }
  }

  private static void vase(Kit k) {
    double belly = k.in(0.52, 0.7);
    double neck = k.in(0.18, 0.28);
    double lip = neck + k.in(0.08, 0.22);
    double[] profile =
        Outline.through(
            new double[] {
              0.3,
              -1,
              0.36,
              -0.92,
              belly,
              -0.35,
              belly * 0.92,
              0.05,
              neck,
              0.55,
              neck * 1.02,
              0.72,
              lip,
              0.95
            },
            false,
            6);
    double[] all = new double[profile.length + 2];
    all[1] = -1;
    System.arraycopy(profile, 0, all, 2, profile.length);
    k.add(Solids.hollow(0.05, all));
    if (k.draw.chance(0.25) && k.material != Material.GLASS) {
      for (int i = 0; i < 3; i++) {
        double x = 0.35 * (i - 1);
        double y = 1.45 + 0.2 * (i % 2);
        k.add(Solids.tube(6, 0.025, 0.02, 0, 0.7, 0, x * 0.5, 1.15, 0, x, y, 0), Kit.LEAF);
        Flowers.blossom(k, x, y, 0.05, 0.24, Surface.matte(i == 1 ? 0xF3C531 : 0xE9E4F0));
      }
    }
  }

  private static void bottle(Kit k) {
    double r = k.in(0.34, 0.42);
    double[] shoulder =
        Outline.through(
            new double[] {r, 0.15, r * 0.96, 0.3, r * 0.5, 0.55, 0.12, 0.75, 0.11, 1.1}, false, 5);
    double[] all = new double[6 + shoulder.length];
    double[] foot = {0, -1.05, r - 0.04, -1.05, r, -1.0};
    System.arraycopy(foot, 0, all, 0, 6);
    System.arraycopy(shoulder, 0, all, 6, shoulder.length);
    k.add(Solids.lathe(all));
    k.add(Solids.lathe(0.11, 1.1, 0.14, 1.12, 0.14, 1.18, 0, 1.18));
    if (k.draw.chance(0.55)) {
      k.add(Solids.cylinder(0.1, 1.15, 1.32), Surface.matte(0xB98A54));
    }
    if (k.draw.chance(0.6)) {
      k.add(Solids.lathe(r + 0.005, -0.6, r + 0.005, -0.05), Kit.PAPER);
      Surface band = Surface.matte(k.draw.chance(0.5) ? 0xA8322A : 0x27408A);
      k.add(Solids.lathe(r + 0.008, -0.4, r + 0.008, -0.26), band);
    }
  }

  private static void wineGlass(Kit k) {
    double r = k.in(0.42, 0.52);
    k.add(
        Solids.turned(0, -0.02, 0.12, 0.02, r * 0.85, 0.3, r, 0.6, r * 0.92, 1.0, r * 0.86, 1.15));
    k.add(Solids.turned(0.06, 0.0, 0.035, -0.1, 0.03, -0.6, 0.05, -0.85, 0.25, -0.94, 0.45, -0.97));
    k.add(Solids.lathe(0, -0.98, 0.45, -0.98));
    Mesh rim = Solids.torus(r * 0.86, 0.012).move(0, 1.15, 0);
    k.add(rim);
    if (k.draw.chance(0.75)) {
      int wine = k.draw.chance(0.6) ? 0x6E1226 : 0xE0C46A;
      double y = k.in(0.4, 0.62);
      k.add(Solids.turned(0, 0.02, 0.12, 0.05, r * 0.8, 0.3, r * 0.95, y), Surface.gloss(wine));
      fillWith(k, r * 0.95, y, wine);
    }
  }

  private static void drinkingGlass(Kit k) {
    double r = k.in(0.42, 0.5);
    k.add(Solids.hollow(0.03, 0, -0.9, r * 0.8, -0.9, r, 0.9));
    k.add(Solids.torus(r, 0.015).move(0, 0.9, 0));
    double y = k.in(0.1, 0.5);
    double at = r * Trig.mix(0.8, 1, (y + 0.9) / 1.8) - 0.035;
    Surface juice = Surface.glass(0).with(Surface.Finish.GLOSS);
    int[] colours = {0xF2A52A, 0xC9303A, 0x7A3E18, 0xF1E9D8};
    juice = Surface.gloss(colours[k.draw.below(4)]);
    k.add(Solids.lathe(0, -0.85, r * 0.8 - 0.05, -0.85, at, y, 0, y), juice);
    double lean = k.in(0.3, 0.5);
    Surface straw =
        Surface.matte(0xF4F2EE)
            .with(Paints.stripes(9, 0.6f, k.colour[0], k.colour[1], k.colour[2]));
    k.add(Solids.tube(10, 0.04, 0.04, -0.2, -0.6, 0, lean, 1.5, 0), straw);
  }

  private static void teapot(Kit k) {
    k.add(
        Solids.turned(
            0, -0.6, 0.4, -0.6, 0.5, -0.55, 0.75, -0.2, 0.72, 0.15, 0.5, 0.42, 0.36, 0.5));
    k.add(Solids.turned(0.4, 0.47, 0.38, 0.53, 0.2, 0.62, 0.0, 0.65));
    k.add(Solids.bead(0.09).move(0, 0.72, 0), k.shade(0.8));
    handle(k, 0.6, 0.3, -0.3, 0.48, 0.065);
    double[] spout =
        Outline3.curve(
            -0.6, -0.28, 0, -0.85, -0.2, 0, -0.98, 0.1, 0, -1.05, 0.32, 0, -1.2, 0.42, 0);
    k.add(Solids.tube(16, 0.19, 0.075, spout));
  }

  private static void bucket(Kit k) {
    k.add(Solids.hollow(0.03, 0, -0.7, 0.5, -0.7, 0.72, 0.6));
    k.add(Solids.torus(0.72, 0.04).move(0, 0.6, 0), k.shade(0.85));
    double lean = k.in(-70, -20);
    double[] bail =
        Outline3.of(
            20,
            (t, p) -> {
              p[0] = 0.74 * Trig.cos(0.5 * t);
              p[1] = 0.72 * Trig.sin(0.5 * t);
              p[2] = 0;
            });
    k.add(Solids.tube(8, 0.025, 0.025, bail).turnX(lean).move(0, 0.55, 0), Kit.STEEL);
    Mesh water = Solids.lathe(0.67, 0.42, 0, 0.421);
    if (k.draw.chance(0.5)) {
      k.add(water, Kit.PANE);
    }
  }

  private static void barrel(Kit k) {
    Surface staves =
        k.main.with(
            (x, y, z, rgb) -> {
              float turn = (float) StrictMath.atan2(x, z) / 6.2832f * 22 + 50;
              float gap = turn - (int) turn;
              float grain = Noise.value(turn * 8, y * 2, (int) turn, 3);
              Paints.times(rgb, (gap < 0.07f ? 0.45f : 0.85f) + 0.25f * grain);
            });
    k.add(Solids.turned(0, -0.95, 0.6, -0.95, 0.66, -0.6, 0.76, 0, 0.66, 0.6, 0.6, 0.95), staves);
    k.add(Solids.lathe(0.56, 0.9, 0, 0.9), k.shade(0.8).with(Paints.wood(4)));
    double[] hoops = {-0.82, -0.42, 0.42, 0.82};
    for (double y : hoops) {
      double r = 0.76 - 0.16 * y * y / 0.81;
      k.add(
          Solids.lathe(r + 0.0, y - 0.06, r + 0.02, y - 0.06, r + 0.02, y + 0.06, r, y + 0.06),
          Surface.metal(0x6E7278));
    }
  }

  private static void lightBulb(Kit k) {
    k.add(
        Solids.turned(0.26, -0.5, 0.3, -0.3, 0.55, 0.15, 0.66, 0.5, 0.5, 0.9, 0.25, 1.04, 0, 1.07));
    double[] thread = new double[2 * 26];
    for (int i = 0; i < 26; i++) {
      thread[2 * i] = 0.26 + 0.025 * Trig.cos(i / 4.0);
      thread[2 * i + 1] = -0.95 + 0.47 * i / 25;
    }
    k.add(Solids.lathe(thread), Kit.STEEL);
    k.add(Solids.turned(0, -1.1, 0.1, -1.08, 0.24, -0.95), Kit.BLACK);
    if (k.material == Material.GLASS) {
      k.add(Solids.tube(8, 0.05, 0.03, 0, -0.5, 0, 0, 0.05, 0), Surface.gloss(0xD8DEE2));
      double[] wire =
          Outline3.curve(
              -0.05, 0, 0, -0.2, 0.5, 0, -0.1, 0.42, 0, 0, 0.56, 0, 0.1, 0.42, 0, 0.2, 0.5, 0, 0.05,
              0, 0);
      k.add(Solids.tube(6, 0.02, 0.02, wire), Surface.glow(0xFFD070));
    }
  }

  private static void hourglass(Kit k) {
    Surface pane = Surface.glass(0xDDEBF2);
    double[] half = {0.05, 0, 0.08, 0.08, 0.34, 0.36, 0.46, 0.6, 0.46, 0.82};
    Mesh bulb = Solids.turned(half);
    k.add(bulb, pane);
    k.add(bulb.copy().scale(1, -1, 1), pane);
    Surface sand = Surface.matte(0xE3B866);
    k.add(Solids.turned(0.0, -0.3, 0.2, -0.55, 0.42, -0.76, 0.43, -0.82), sand);
    k.add(Solids.turned(0.03, 0.02, 0.06, 0.1, 0.28, 0.34, 0.2, 0.36, 0, 0.33), sand);
    k.add(Solids.cylinder(0.012, -0.4, 0.1), sand);
    for (int side = -1; side <= 1; side += 2) {
      k.add(Solids.cylinder(0.62, 0, 0.12).move(0, side > 0 ? 0.82 : -0.94, 0));
    }
    for (int i = 0; i < 3; i++) {
      k.add(Solids.cylinder(0.045, -0.84, 0.84).move(0, 0, 0.53).turnY(120 * i + 60));
    }
  }

  private static void pan(Kit k) {
    k.add(Solids.hollow(0.04, 0, -0.14, 0.62, -0.14, 0.78, 0.14));
    k.add(
        Solids.tube(12, 0.07, 0.085, 0.72, 0.08, 0, 1.1, 0.16, 0, 1.75, 0.2, 0).scale(1, 0.7, 1),
        Kit.RUBBER);
    if (k.draw.chance(0.5)) { // a fried egg
      double[] white = new double[2 * 24];
      for (int i = 0; i < 24; i++) {
        double r = 0.4 + k.in(-0.05, 0.05);
        white[2 * i] = r * Trig.cos(i / 24.0);
        white[2 * i + 1] = r * Trig.sin(i / 24.0);
      }
      k.add(
          Outline.cushion(0.03, 0, 0, Outline.through(white, true, 3)).turnX(-90).move(0, -0.07, 0),
          Kit.WHITE);
      k.add(Solids.ellipsoid(0.16, 0.07, 0.16).move(0.05, -0.04, 0), Surface.gloss(0xF4B222));
    }
  }

  private static void flowerPot(Kit k) {
    k.add(Solids.lathe(0, -0.95, 0.4, -0.95, 0.56, -0.15));
    k.add(Solids.lathe(0.56, -0.15, 0.64, -0.15, 0.66, 0.06, 0.58, 0.06, 0.56, -0.02));
    k.add(Solids.lathe(0.6, -0.02, 0, 0.0), Surface.matte(0x3A2618));
    int n = 9 + k.draw.below(6);
    for (int i = 0; i < n; i++) {
      double length = k.in(0.7, 1.15);
      k.add(
          Outline.blade(length, 0.26, 0.35, k.in(0.1, 0.4), 0.5)
              .turnX(k.in(4, 45))
              .turnY(137.5 * i)
              .move(0, 0, 0),
          i % 2 == 0 ? Kit.LEAF : Kit.DARK_LEAF);
    }
  }
}
