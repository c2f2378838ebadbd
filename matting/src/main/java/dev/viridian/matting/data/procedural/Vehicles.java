package dev.viridian.matting.data.procedural;

import java.util.List;

/** Vehicles and buildings. */
final class Vehicles {
  private Vehicles() {}

  static List<Noun> nouns() {
    Pose side = new Pose(42, 5, 26, 5);
    return List.of(
        Noun.of("car", side, Vehicles::car).of(Material.GLOSSY, Material.MATTE, Material.METAL),
        Noun.of("truck", side, Vehicles::truck).of(Material.GLOSSY, Material.MATTE),
        Noun.of("bicycle", new Pose(30, 0, 16, 5), Vehicles::bicycle)
            .of(Material.GLOSSY, Material.METAL, Material.MATTE),
        Noun.of("boat", side, Vehicles::boat)
            .called("* sailing boat")
            .of(Material.MATTE, Material.WOODEN, Material.GLOSSY),
        Noun.of("airplane", new Pose(50, 25, 52, 22), Vehicles::airplane)
            .of(Material.GLOSSY, Material.METAL, Material.MATTE),
        Noun.of("hot air balloon", Pose.FACING, Vehicles::hotAir)
            .of(Material.STRIPED, Material.MATTE, Material.DOTTED),
        Noun.of("house", new Pose(50, 8, 28, 4), Vehicles::house)
            .of(Material.MATTE, Material.WOODEN),
        Noun.of("lighthouse", Pose.STANDING, Vehicles::lighthouse)
            .of(Material.STRIPED, Material.MATTE)
            .natural("red"),
        Noun.of("windmill", new Pose(35, 2, 16, 4), Vehicles::windmill)
            .of(Material.MATTE, Material.WOODEN),
        Noun.of("tent", new Pose(45, 8, 26, 4), Vehicles::tent).soft(),
        Noun.of("traffic cone", Pose.STANDING, Vehicles::trafficCone)
            .of(Material.MATTE, Material.GLOSSY)
            .natural("orange"),
        Noun.of("anchor", Pose.LOOSE, Vehicles::anchor).of(Material.METAL).natural("grey", "black"),
        Noun.of("flag", Pose.FLAT, Vehicles::flag).of(Material.MATTE, Material.STRIPED));
  }

  private static void wheel(Kit k, double x, double y, double z, double r, double wide) {
    Mesh tyre =
        Solids.lathe(
            0, -wide, r * 0.92, -wide, r, -wide * 0.7, r, wide * 0.7, r * 0.92, wide, 0, wide);
    k.add(tyre.turnX(90).move(x, y, z), Kit.RUBBER);
    for (int side = -1; side <= 1; side += 2) {
      Mesh hub = Solids.ellipsoid(r * 0.58, r * 0.58, 0.03, 24, 8);
      k.add(hub.move(x, y, z + side * wide), Kit.STEEL);
    }
  }

  private static void car(Kit k) {
    double roof = k.in(0.5, 0.62);
    double front = k.in(0.5, 0.7);
    double[] body =
        Outline.through(
            new double[] {
              -1.22, -0.3, 0, -0.32, 1.22, -0.3, 1.3, -0.12, 1.22, 0.06, 0.98, 0.14, front, 0.18, 0,
              0.2, -0.9, 0.22, -1.22, 0.2, -1.3, 0.0
            },
            true,
            4);
    k.add(Outline.plate(1.06, 0.08, body));
    double[] cabin = {
      -1.0, 0.16, front + 0.12, 0.14, front - 0.25, roof, -0.6, roof + 0.01, -0.72, roof - 0.02
    };
    k.add(Outline.plate(0.92, 0.07, cabin));
    for (int side = -1; side <= 1; side += 2) {
      double z = 0.463 * side;
      double[] rear = {-0.82, 0.2, -0.2, 0.2, -0.2, roof - 0.08, -0.6, roof - 0.08};
      double[] ahead = {
        -0.12, 0.2, front - 0.04, 0.2, front - 0.28, roof - 0.08, -0.12, roof - 0.08
      };
      k.add(Outline.sheet(rear).move(0, 0, z), Kit.PANE);
      k.add(Outline.sheet(ahead).move(0, 0, z), Kit.PANE);
      k.strand(k.shade(0.6), 0.008, 0.008, -0.16, 0.18, 0.54 * side, -0.16, -0.26, 0.54 * side);
      k.add(Solids.box(0.07, 0.015, 0.02).move(-0.28, 0.1, 0.54 * side), Kit.STEEL);
      Mesh lamp = Solids.ellipsoid(0.04, 0.08, 0.12, 16, 10);
      k.add(lamp.move(1.27, -0.02, 0.34 * side), Surface.glow(0xFFF3C0));
      k.add(
          Solids.ellipsoid(0.03, 0.06, 0.1, 14, 8).move(-1.27, 0.06, 0.36 * side),
          Surface.glow(0xD02020));
      wheel(k, 0.78, -0.34, 0.44 * side, 0.27, 0.1);
      wheel(k, -0.78, -0.34, 0.44 * side, 0.27, 0.1);
    }
    double lean = front + 0.12 - (front - 0.25);
    Mesh screen =
        Outline.sheet(-0.4, 0.02, 0.4, 0.02, 0.36, roof - 0.24, -0.36, roof - 0.24)
            .turnX(-StrictMath.toDegrees(StrictMath.atan2(lean, roof - 0.14)))
            .turnY(90);
    k.add(screen.move(front + 0.125, 0.17, 0), Kit.PANE);
    k.add(Solids.box(0.02, 0.05, 0.46).move(1.3, -0.2, 0), Kit.STEEL);
  }

  private static void truck(Kit k) {
    Surface load = k.draw.chance(0.5) ? Surface.gloss(0xECEBE6) : k.shade(0.9);
    k.add(Solids.block(-1.3, -0.2, -0.5, 0.45, 0.85, 0.5), load);
    double[] cab = {0.5, -0.3, 1.25, -0.3, 1.27, 0.1, 1.12, 0.6, 0.5, 0.62};
    k.add(Outline.plate(0.96, 0.05, cab));
    k.add(Solids.block(-1.3, -0.34, -0.4, 1.1, -0.2, 0.4), Kit.RUBBER);
    for (int side = -1; side <= 1; side += 2) {
      double[] pane = {0.66, 0.16, 1.12, 0.16, 1.02, 0.5, 0.66, 0.5};
      k.add(Outline.sheet(pane).move(0, 0, 0.485 * side), Kit.PANE);
      k.add(Solids.box(0.02, 0.07, 0.1).move(1.27, -0.1, 0.32 * side), Surface.glow(0xFFF3C0));
      for (double x : new double[] {0.85, -0.5, -1.0}) {
        wheel(k, x, -0.42, 0.4 * side, 0.25, 0.1);
      }
    }
    Mesh screen = Outline.sheet(-0.42, 0, 0.42, 0, 0.4, 0.4, -0.4, 0.4).turnX(-16.7).turnY(90);
    k.add(screen.move(1.262, 0.14, 0), Kit.PANE);
    k.add(Solids.box(0.03, 0.06, 0.48).move(1.27, -0.28, 0), Kit.STEEL);
  }

  private static void bicycle(Kit k) {
    double r = 0.55;
    double[] axles = {-0.8, 0.85};
    for (double x : axles) {
      k.add(Solids.torus(r, 0.035).turnX(90).move(x, -0.3, 0), Kit.RUBBER);
      k.add(Solids.torus(r - 0.05, 0.015).turnX(90).move(x, -0.3, 0), Kit.STEEL);
      k.add(Solids.cylinder(0.05, -0.08, 0.08).turnX(90).move(x, -0.3, 0), Kit.STEEL);
      for (int i = 0; i < 18; i++) {
        double c = (r - 0.05) * Trig.cos(i / 18.0);
        double s = (r - 0.05) * Trig.sin(i / 18.0);
        k.strand(Kit.STEEL, 0.006, 0.006, x, -0.3, i % 2 == 0 ? 0.05 : -0.05, x + c, s - 0.3, 0);
      }
    }
    bar(k, -0.05, -0.35, -0.28, 0.42);
    bar(k, -0.24, 0.3, 0.6, 0.38);
    bar(k, -0.05, -0.35, 0.62, 0.26);
    for (int side = -1; side <= 1; side += 2) {
      double z = 0.07 * side;
      k.add(Solids.tube(8, 0.025, 0.025, -0.05, -0.35, z, -0.8, -0.3, z));
      k.add(Solids.tube(8, 0.025, 0.025, -0.24, 0.3, z * 0.6, -0.8, -0.3, z));
      k.add(Solids.tube(8, 0.028, 0.024, 0.63, 0.3, z, 0.72, 0.0, z, 0.85, -0.3, z));
      double[] handle =
          Outline3.curve(
              0.56,
              0.6,
              0,
              0.58,
              0.62,
              0.15 * side,
              0.5,
              0.64,
              0.3 * side,
              0.32,
              0.62,
              0.34 * side);
      k.add(Solids.tube(10, 0.025, 0.03, handle), Kit.STEEL);
      k.add(
          Solids.tube(8, 0.04, 0.04, 0.42, 0.63, 0.32 * side, 0.3, 0.62, 0.34 * side), Kit.RUBBER);
      double a = side * 0.17;
      k.add(Solids.tube(8, 0.02, 0.02, -0.05, -0.35, z, -0.05 + a, -0.35 - a, 1.6 * z), Kit.STEEL);
      k.add(Solids.box(0.08, 0.02, 0.06).move(-0.05 + a, -0.35 - a, 2.4 * z), Kit.RUBBER);
    }
    bar(k, 0.63, 0.3, 0.55, 0.6);
    k.add(Solids.torus(0.13, 0.02).turnX(90).move(-0.05, -0.35, 0.08), Kit.STEEL);
    Mesh saddle = Solids.ellipsoid(0.25, 0.06, 0.11, 24, 12);
    k.add(saddle.move(-0.28, 0.48, 0), Kit.BLACK);
  }

  private static void bar(Kit k, double x0, double y0, double x1, double y1) {
    k.add(Solids.tube(10, 0.035, 0.035, x0, y0, 0, x1, y1, 0));
  }

  private static void boat(Kit k) {
    Mesh hull =
        Solids.grid(
            28,
            10,
            false,
            false,
            (u, v, p) -> {
              double x = 2 * u - 1;
              double wide = 0.42 * Trig.pow(1 - Trig.pow(Math.abs(x), 2.6), 0.8);
              double turn = Trig.mix(-0.25, 0.25, v);
              double deep = 0.36 * Trig.pow(Math.max(0, 1 - x * x * x * x), 0.7);
              double rail = 0.06 * x * x + (x > 0 ? 0.1 * x : 0);
              p[0] = 1.05 * x;
              p[1] = -0.5 + rail - deep * Trig.cos(turn);
              p[2] = wide * Trig.sin(turn);
            });
    k.add(hull);
    Mesh deck =
        Solids.grid(
            28,
            2,
            false,
            false,
            (u, v, p) -> {
              double x = 2 * u - 1;
              double wide = 0.4 * Trig.pow(1 - Trig.pow(Math.abs(x), 2.6), 0.8);
              p[0] = 1.05 * x;
              p[1] = -0.53 + 0.06 * x * x + (x > 0 ? 0.1 * x : 0);
              p[2] = wide * (2 * v - 1);
            });
    k.add(deck, Kit.TIMBER);
    k.add(Solids.cylinder(0.03, -0.55, 1.25), Kit.TIMBER);
    Surface cloth = Surface.matte(0xF5F2E8);
    k.add(sail(0.02, -0.3, -0.85, -0.28, 1.2), cloth);
    k.add(sail(0.06, -0.34, 0.88, -0.38, 1.05), cloth.shade(0.93));
    k.strand(Kit.STEM, 0.018, 0.018, 0, -0.3, 0, -0.9, -0.28, 0);
    k.add(Outline.sheet(0, 1.25, -0.24, 1.17, 0, 1.1), k.plain);
  }

  /** A sail from the mast to a lower corner, filled by wind. */
  private static Mesh sail(double x, double y, double cornerX, double cornerY, double top) {
    return Solids.grid(
        10,
        14,
        false,
        false,
        (u, v, p) -> {
          double s = u * (1 - v);
          p[0] = Trig.mix(x, cornerX, s);
          p[1] = Trig.mix(Trig.mix(y, cornerY, u), top, v);
          p[2] = 0.5 * Trig.sin(0.5 * s) * (1 - v);
        });
  }

  private static void airplane(Kit k) {
    Mesh body =
        Solids.turned(
            0, -1.3, 0.05, -1.28, 0.12, -0.9, 0.2, -0.3, 0.21, 0.6, 0.17, 0.95, 0.08, 1.15, 0,
            1.18);
    k.add(body.turnZ(-90));
    Surface wing = k.shade(0.88);
    for (int side = -1; side <= 1; side += 2) {
      double[] main = {0.35, 0.1, -0.5, 1.35, -0.72, 1.35, -0.3, 0.1};
      k.add(plate(main, side).move(0.1, -0.06, 0), wing);
      double[] tail = {-0.95, 0.05, -1.22, 0.5, -1.36, 0.5, -1.25, 0.05};
      k.add(plate(tail, side).move(0, 0.06, 0), wing);
      Mesh engine = Solids.turned(0.07, -0.2, 0.1, -0.1, 0.1, 0.12, 0.07, 0.2).turnZ(-90);
      k.add(engine.move(0.1, -0.17, 0.5 * side), Kit.STEEL);
      for (int i = 0; i < 9; i++) {
        Mesh window = Solids.ellipsoid(0.03, 0.035, 0.015, 10, 6);
        k.add(window.move(0.72 - 0.17 * i, 0.06, 0.198 * side), Kit.BLACK);
      }
    }
    double[] fin = {-0.85, 0.12, -1.28, 0.62, -1.42, 0.62, -1.3, 0.05};
    k.add(Outline.plate(0.05, 0.01, reversed(fin)), k.shade(0.7));
    k.add(Solids.ellipsoid(0.12, 0.07, 0.14, 20, 10).move(0.98, 0.1, 0), Kit.PANE);
  }

  private static double[] reversed(double[] outline) {
    double[] out = new double[outline.length];
    int n = outline.length / 2;
    for (int i = 0; i < n; i++) {
      out[2 * i] = outline[2 * (n - 1 - i)];
      out[2 * i + 1] = outline[2 * (n - 1 - i) + 1];
    }
    return area(out) > 0 ? out : outline;
  }

  private static double area(double[] p) {
    double sum = 0;
    int n = p.length / 2;
    for (int i = 0; i < n; i++) {
      int j = (i + 1) % n;
      sum += p[2 * i] * p[2 * j + 1] - p[2 * j] * p[2 * i + 1];
    }
    return sum;
  }

  /** A flat wing x, z in the plane y = 0, to one side. */
  private static Mesh plate(double[] outline, int side) {
    double[] p = area(outline) > 0 ? outline : reversed(outline);
    return Outline.plate(0.05, 0.012, p).turnX(90).scale(1, 1, side);
  }

  private static void hotAir(Kit k) {
    int gores = 12;
    boolean two = k.material != Material.STRIPED && k.material != Material.DOTTED;
    Surface skin =
        two
            ? k.main.with(
                (x, y, z, rgb) -> {
                  float turn = (float) StrictMath.atan2(x, z) / 6.2832f * gores + gores;
                  if (((int) turn & 1) == 0) {
                    Paints.mix(rgb, 0xF6F0DC, 0.85f);
                  }
                })
            : k.main;
    k.add(
        Solids.turned(
            0.2, -0.62, 0.26, -0.55, 0.7, 0.0, 0.86, 0.45, 0.72, 0.92, 0.38, 1.18, 0, 1.25),
        skin);
    k.add(Solids.hollow(0.03, 0, -1.22, 0.17, -1.22, 0.2, -0.95), Kit.TIMBER);
    for (int i = 0; i < 4; i++) {
      double s = 0.18 * Trig.sin(0.125 + i / 4.0);
      double c = 0.18 * Trig.cos(0.125 + i / 4.0);
      k.strand(Kit.STEM, 0.012, 0.012, s, -0.96, c, 1.15 * s, -0.6, 1.15 * c);
    }
    if (k.draw.chance(0.5)) {
      Vapours.fire(k, 0, -0.9, 0, 0.08, 0.32);
    }
  }

  private static void house(Kit k) {
    double a = k.in(0.7, 0.95);
    double c = k.in(0.55, 0.75);
    double wall = k.in(0.0, 0.2);
    double ridge = wall + k.in(0.5, 0.7);
    double[] gable = {-c, -0.8, c, -0.8, c, wall, 0, ridge, -c, wall};
    k.add(Outline.plate(2 * a, 0, gable).turnY(90));
    boolean red = k.colour[0] > 0.55 && k.colour[1] < 0.4;
    Surface tiles =
        Surface.matte(red ? 0x4A4E58 : 0xA8412E)
            .with(
                (x, y, z, rgb) -> {
                  float row = z * 9 + 50;
                  Paints.times(rgb, row - (int) row < 0.2f ? 0.72f : 1);
                });
    double slope = StrictMath.toDegrees(StrictMath.atan2(ridge - wall, c));
    double length = Math.sqrt((ridge - wall) * (ridge - wall) + c * c) + 0.14;
    for (int side = -1; side <= 1; side += 2) {
      Mesh roof = Solids.block(-a - 0.1, 0, 0, a + 0.1, 0.05, length);
      k.add(roof.turnX(slope).turnY(side > 0 ? 0 : 180).move(0, ridge, 0), tiles);
    }
    double front = c + 0.005;
    k.add(Solids.block(-0.13, -0.8, c, 0.15, -0.3, front + 0.02), Surface.matte(0x5A3620));
    for (int side = -1; side <= 1; side += 2) {
      for (int face = -1; face <= 1; face += 2) {
        window(k, 0.55 * a * side + 0.01, -0.28, front * face);
      }
      Mesh pane = Solids.box(0.16, 0.17, 0.01).move(0, -0.25, a + 0.005).turnY(90 * side);
      k.add(pane, Kit.PANE);
    }
    k.add(
        Solids.block(0.35 * a, wall, -0.32, 0.35 * a + 0.2, ridge + 0.18, -0.1),
        Surface.matte(0x8A4A38));
  }

  private static void window(Kit k, double x, double y, double z) {
    k.add(Solids.box(0.17, 0.19, 0.015).move(x, y, z), Surface.matte(0xF4F2EC));
    k.add(Solids.box(0.14, 0.16, 0.02).move(x, y, z), Kit.PANE);
    k.add(Solids.box(0.012, 0.16, 0.025).move(x, y, z), Surface.matte(0xF4F2EC));
    k.add(Solids.box(0.14, 0.012, 0.025).move(x, y, z), Surface.matte(0xF4F2EC));
  }

  private static void lighthouse(Kit k) {
    Surface tower =
        k.material == Material.STRIPED
            ? k.plain.with(
                (x, y, z, rgb) -> {
                  float t = y * 2.2f + 50;
                  if (t - (int) t < 0.5f) {
                    Paints.set(rgb, 0.95f, 0.94f, 0.92f);
                  }
                })
            : k.main;
    k.add(Solids.lathe(0, -1.2, 0.42, -1.2, 0.26, 0.6), tower);
    k.add(Solids.cylinder(0.36, 0.6, 0.68), Kit.RUBBER);
    k.add(Solids.torus(0.36, 0.02).move(0, 0.84, 0), Kit.RUBBER);
    for (int i = 0; i < 10; i++) {
      double s = 0.36 * Trig.sin(i / 10.0);
      double c = 0.36 * Trig.cos(i / 10.0);
      k.strand(Kit.RUBBER, 0.015, 0.015, s, 0.66, c, s, 0.84, c);
    }
    k.add(Solids.cylinder(0.12, 0.68, 0.95), Surface.glow(0xFFE9A0));
    k.add(Solids.lathe(0.2, 0.68, 0.2, 1.0), Surface.glass(0xE8E0B8));
    k.add(Solids.cone(0.3, 0.02, 0.98, 1.25), Surface.matte(0xB02A22));
    k.add(Solids.bead(0.05).move(0, 1.28, 0), Kit.STEEL);
    k.add(Solids.box(0.09, 0.16, 0.02).move(0, -1.04, 0.41), Kit.STEM);
    for (int i = 0; i < 2; i++) {
      k.add(Solids.box(0.06, 0.08, 0.02).move(0, -0.45 + 0.6 * i, 0.36 - 0.05 * i), Kit.RUBBER);
    }
  }

  private static void windmill(Kit k) {
    k.add(Solids.facets(8, 0, -1.2, 0.55, -1.2, 0.32, 0.4));
    k.add(Solids.facets(8, 0.38, 0.38, 0.3, 0.6, 0, 0.78), Surface.matte(0x6A3A28));
    k.add(Solids.block(-0.12, -1.2, 0.4, 0.12, -0.85, 0.56), Kit.STEM);
    k.add(Solids.box(0.09, 0.1, 0.03).move(0, -0.25, 0.4), Kit.PANE);
    k.add(Solids.cylinder(0.06, 0.3, 0.62).turnX(90).move(0, 0.5, 0), Kit.STEM);
    double turn = k.in(0, 90);
    Surface cloth = Surface.matte(0xF3EFE2);
    for (int i = 0; i < 4; i++) {
      Mesh spar = Solids.block(-0.025, 0, 0.58, 0.025, 1.15, 0.62);
      Mesh canvas = Solids.block(0.02, 0.25, 0.59, 0.25, 1.13, 0.6);
      k.add(spar.turnZ(turn + 90 * i).move(0, 0.5, 0), Kit.STEM);
      k.add(canvas.turnZ(turn + 90 * i).move(0, 0.5, 0), cloth);
      for (int j = 0; j < 6; j++) {
        Mesh lath = Solids.block(0, 0.25 + 0.175 * j, 0.6, 0.25, 0.265 + 0.175 * j, 0.615);
        k.add(lath.turnZ(turn + 90 * i).move(0, 0.5, 0), Kit.STEM);
      }
    }
    k.add(Solids.bead(0.09).move(0, 0.5, 0.62), Kit.STEM);
  }

  private static void tent(Kit k) {
    double a = 0.85;
    double high = k.in(0.75, 0.95);
    double long1 = k.in(0.7, 0.95);
    for (int side = -1; side <= 1; side += 2) {
      Mesh wall =
          Solids.grid(
              8,
              8,
              false,
              false,
              (u, v, p) -> {
                double sag = 0.08 * Trig.sin(0.5 * v) + 0.06 * Trig.sin(0.5 * u);
                p[0] = a * (1 - v) * (1 - 0.12 * sag);
                p[1] = -0.6 + high * v * 1.2 - sag * 0.6;
                p[2] = long1 * (2 * u - 1);
              });
      k.add(wall.scale(side, 1, 1));
      double top = -0.6 + high * 1.2;
      Mesh door = Outline.sheet(0.06, -0.6, a * 0.97, -0.6, 0, top - 0.03).scale(side, 1, 1);
      k.add(door.copy().turnY(14 * side).move(0, 0, long1 - 0.06), k.shade(0.85));
      k.add(door.move(0, 0, -long1 + 0.02), k.shade(0.7));
      k.strand(Kit.PAPER, 0.012, 0.012, 0, top, long1 * side, 0, -0.6, (long1 + 0.55) * side);
    }
    k.add(
        Outline.sheet(-a, -0.6, a, -0.6, 0, -0.62 + high * 1.2).move(0, 0, -long1 + 0.05),
        Kit.RUBBER);
    k.add(Solids.cylinder(0.025, -0.6, -0.55 + high * 1.2).move(0, 0, long1), Kit.TIMBER);
  }

  private static void trafficCone(Kit k) {
    k.add(Solids.lathe(0, -0.82, 0.58, -0.82, 0.1, 1.0, 0, 1.0).move(0, 0, 0));
    double[][] bands = {{-0.35, 0.02}, {0.35, 0.6}};
    for (double[] band : bands) {
      double low = radius(band[0]) + 0.006;
      double high = radius(band[1]) + 0.006;
      k.add(Solids.lathe(low, band[0], high, band[1]), Surface.gloss(0xF5F5F2));
    }
    k.add(Solids.box(0.76, 0.07, 0.76).move(0, -0.88, 0), k.shade(0.85));
  }

  private static double radius(double y) {
    return Trig.mix(0.58, 0.1, (y + 0.82) / 1.82);
  }

  private static void anchor(Kit k) {
    k.add(Solids.tube(14, 0.085, 0.1, 0, 0.7, 0, 0, -0.95, 0));
    k.add(Solids.torus(0.2, 0.06).turnX(90).move(0, 0.9, 0));
    k.add(Solids.tube(12, 0.07, 0.07, -0.5, 0.48, 0, 0.5, 0.48, 0));
    for (int side = -1; side <= 1; side += 2) {
      k.add(Solids.bead(0.1).move(0.5 * side, 0.48, 0));
      double[] arm =
          Outline3.curve(
              0, -0.95, 0, 0.4 * side, -0.85, 0, 0.72 * side, -0.55, 0, 0.84 * side, -0.22, 0);
      k.add(Solids.tube(14, 0.12, 0.06, arm));
      double x = 0.84 * side;
      double[] fluke = {x - 0.26, -0.38, x + 0.24, -0.42, x + 0.04 * side, 0.08};
      k.add(Outline.plate(0.12, 0.02, fluke));
    }
  }

  private static void flag(Kit k) {
    double phase = k.draw.unit();
    Mesh cloth =
        Solids.grid(
            36,
            14,
            false,
            false,
            (u, v, p) -> {
              double wave = Trig.sin(1.6 * u + phase) - Trig.sin(phase);
              p[0] = -0.7 + 1.6 * u;
              p[1] = 0.1 + 0.95 * v - 0.1 * u + 0.05 * wave * u;
              p[2] = 0.17 * wave * Math.min(1, 2 * u);
            });
    k.add(cloth);
    k.add(Solids.cylinder(0.04, -1.3, 1.15).move(-0.73, 0, 0), Kit.STEEL);
    k.add(Solids.bead(0.08).move(-0.73, 1.18, 0), Kit.GOLD);
  }
}
