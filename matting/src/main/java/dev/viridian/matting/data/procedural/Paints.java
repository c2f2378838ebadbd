package dev.viridian.matting.data.procedural;

/** Patterns on surfaces. Stateless and thread-safe, as is what they return. */
final class Paints {
  private Paints() {}

  /** Bands across a slanted axis, of the colour itself and another. */
  static Surface.Paint stripes(double perUnit, float slant, float red, float green, float blue) {
    float f = (float) perUnit;
    return (x, y, z, rgb) -> {
      float t = (y + slant * x) * f + 100;
      if (((int) t & 1) == 0) {
        set(rgb, red, green, blue);
      }
    };
  }

  /** Dots of another colour: balls on a body-centred lattice, cut by the surface. */
  static Surface.Paint dots(double perUnit, float red, float green, float blue) {
    float f = (float) perUnit;
    return (x, y, z, rgb) -> {
      float a = x * f + 100;
      float b = y * f + 100;
      float c = z * f + 100;
      float d = Math.min(cell(a, b, c), cell(a + 0.5f, b + 0.5f, c + 0.5f));
      if (d < 0.1f) {
        set(rgb, red, green, blue);
      }
    };
  }

  /** Squared distance to the middle of the unit cell. */
  private static float cell(float a, float b, float c) {
    float x = a - (int) a - 0.5f;
    float y = b - (int) b - 0.5f;
    float z = c - (int) c - 0.5f;
    return x * x + y * y + z * z;
  }

  /** Rings and fibres of wood, that lighten and darken the colour; the grain runs along y. */
  static Surface.Paint wood(int salt) {
    return (x, y, z, rgb) -> {
      float bend = Noise.value(x * 2, y * 0.7f, z * 2, salt) * 1.6f;
      float rings = (x * 1.1f + z * 0.8f + bend) * 5;
      float saw = rings - (int) (rings + 100) + 100;
      float fibre = Noise.value(x * 30, y * 2.5f, z * 30, salt + 1);
      float k = 0.72f + 0.3f * saw * saw + 0.16f * (fibre - 0.5f);
      times(rgb, k);
    };
  }

  /** Unevenness of rind, fur or stone. */
  static Surface.Paint mottled(double perUnit, double strength, int salt) {
    float f = (float) perUnit;
    float s = (float) strength;
    return (x, y, z, rgb) -> times(rgb, 1 - s + 2 * s * Noise.value(x * f, y * f, z * f, salt));
  }

  static void set(float[] rgb, float red, float green, float blue) {
    rgb[0] = red;
    rgb[1] = green;
    rgb[2] = blue;
  }

  static void set(float[] rgb, int colour) {
    set(rgb, (colour >> 16 & 255) / 255f, (colour >> 8 & 255) / 255f, (colour & 255) / 255f);
  }

  static void times(float[] rgb, float k) {
    rgb[0] *= k;
    rgb[1] *= k;
    rgb[2] *= k;
  }

  /** Mixes in a share {@code t} of another colour. */
  static void mix(float[] rgb, int colour, float t) {
    rgb[0] += ((colour >> 16 & 255) / 255f - rgb[0]) * t;
    rgb[1] += ((colour >> 8 & 255) / 255f - rgb[1]) * t;
    rgb[2] += ((colour & 255) / 255f - rgb[2]) * t;
  }
}
