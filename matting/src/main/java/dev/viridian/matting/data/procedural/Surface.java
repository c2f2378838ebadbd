package dev.viridian.matting.data.procedural;

import org.jspecify.annotations.Nullable;

/**
 * What a part of an object is made of.
 *
 * @param red 0…1, as all colours here in the encoding of the picture (sRGB)
 * @param paint changes the colour from place to place, or null
 */
record Surface(float red, float green, float blue, Finish finish, @Nullable Paint paint) {

  /** How light comes back. */
  enum Finish {
    /** Evenly. */
    MATTE,
    /** Evenly, with highlights. */
    GLOSS,
    /** As from a coloured mirror. */
    METAL,
    /** Mostly not at all: one sees through, less so at the edges. */
    GLASS,
    /** It shines by itself, whatever the light. */
    GLOW
  }

  /** Changes a colour by the place on the surface. */
  @FunctionalInterface
  interface Paint {
    /** Place x, y, z where the part was made, in its own units; {@code rgb} is read and changed. */
    void at(float x, float y, float z, float[] rgb);
  }

  /** A colour such as 0xFF8000. */
  static Surface of(int rgb, Finish finish) {
    return new Surface(
        (rgb >> 16 & 255) / 255f, (rgb >> 8 & 255) / 255f, (rgb & 255) / 255f, finish, null);
  }

  static Surface matte(int rgb) {
    return of(rgb, Finish.MATTE);
  }

  static Surface gloss(int rgb) {
    return of(rgb, Finish.GLOSS);
  }

  static Surface metal(int rgb) {
    return of(rgb, Finish.METAL);
  }

  static Surface glass(int rgb) {
    return of(rgb, Finish.GLASS);
  }

  static Surface glow(int rgb) {
    return of(rgb, Finish.GLOW);
  }

  Surface with(Finish other) {
    return new Surface(red, green, blue, other, paint);
  }

  Surface with(@Nullable Paint other) {
    return new Surface(red, green, blue, finish, other);
  }

  /** Darker by a factor below 1; above 1 lighter, towards white. */
  Surface shade(double factor) {
    return new Surface(
        shade(red, factor), shade(green, factor), shade(blue, factor), finish, paint);
  }

  private static float shade(float c, double factor) {
    return (float) (factor <= 1 ? c * factor : 1 - (1 - c) / factor);
  }
}
