package dev.viridian.matting.data.procedural;

import org.jspecify.annotations.Nullable;

/** What a recipe builds an object with: random numbers, the chosen colour and material. */
final class Kit {
  static final Surface LEAF = Surface.matte(0x356B2C);
  static final Surface DARK_LEAF = Surface.matte(0x234F22);
  static final Surface STEM = Surface.matte(0x6B4A2B);
  static final Surface BLACK = Surface.gloss(0x1B1B1E);
  static final Surface WHITE = Surface.gloss(0xF4F3EE);
  static final Surface STEEL = Surface.metal(0xC8CCD2);
  static final Surface GOLD = Surface.metal(0xE2B13C);
  static final Surface PAPER = Surface.matte(0xF1ECDD);
  static final Surface TIMBER = Surface.matte(0xA9753F).with(Paints.wood(7));
  static final Surface RUBBER = Surface.matte(0x26262A);
  static final Surface PANE = Surface.gloss(0xA9CBE0);

  final Draw draw;
  final Model model = new Model();
  final Material material;

  /** The chosen colour. */
  final float[] colour;

  /** What the object is mainly made of. */
  final Surface main;

  /** The chosen colour, without the pattern. */
  final Surface plain;

  Kit(Draw draw, float[] colour, Material material) {
    this.draw = draw;
    this.colour = colour;
    this.material = material;
    plain = new Surface(colour[0], colour[1], colour[2], finish(material), null);
    main = plain.with(paint());
  }

  private static Surface.Finish finish(Material material) {
    return switch (material) {
      case GLOSSY -> Surface.Finish.GLOSS;
      case METAL -> Surface.Finish.METAL;
      case GLASS -> Surface.Finish.GLASS;
      default -> Surface.Finish.MATTE;
    };
  }

  private Surface.@Nullable Paint paint() {
    boolean light = 0.3 * colour[0] + 0.6 * colour[1] + 0.1 * colour[2] > 0.62;
    float r = light ? 0.16f : 0.95f;
    float g = light ? 0.16f : 0.94f;
    float b = light ? 0.24f : 0.9f;
    return switch (material) {
      case WOODEN -> Paints.wood(draw.below(1000));
      case STRIPED -> Paints.stripes(draw.in(3.4, 4.6), (float) draw.around(0.5), r, g, b);
      case DOTTED -> Paints.dots(draw.in(2.1, 2.7), r, g, b);
      default -> null;
    };
  }

  /** Adds a part of the main material. */
  void add(Mesh mesh) {
    model.add(mesh, main);
  }

  void add(Mesh mesh, Surface surface) {
    model.add(mesh, surface);
  }

  void strand(Surface surface, double from, double to, double... path) {
    model.strand(surface, from, to, path);
  }

  /** Adds a vapour that stays with a place of the model. */
  void vapour(double x, double y, double z, double[] box, Model.Cover cover) {
    model.vapours.add(new Model.Vapour(new double[] {x, y, z}, box, cover));
  }

  /** The main surface, darker below 1 and lighter above. */
  Surface shade(double factor) {
    return main.shade(factor);
  }

  double in(double from, double to) {
    return draw.in(from, to);
  }

  /** A leaf on a stalk's end at a place: turned about y, leaning out from the vertical. */
  void leaf(double x, double y, double z, double length, double yaw, double lean) {
    add(
        Outline.blade(length, length * 0.5, 0.3, -0.25, 0.45).turnX(lean).turnY(yaw).move(x, y, z),
        LEAF);
  }
}
