package dev.viridian.matting.data.procedural;

import java.util.List;

/** What stands behind objects when it is not the canvas. Stateless and thread-safe. */
final class Backgrounds {
  /**
   * A background.
   *
   * @param rgb [size, size, 3] in 0…1
   * @param kind its name in the metadata
   * @param words the end of a caption
   */
  record Scene(float[] rgb, String kind, String words) {}

  /** A colour at x, y in 0…1, y downwards. */
  @FunctionalInterface
  private interface Field {
    void at(float x, float y, float[] rgb);
  }

  private static final List<String> KINDS =
      List.of("plain", "gradient", "texture", "lights", "checker", "stripes", "room", "sky");

  private Backgrounds() {}

  /** The canvas. */
  static float[] green(int size) {
    float[] rgb = new float[3 * size * size];
    for (int i = 1; i < rgb.length; i += 3) {
      rgb[i] = 1;
    }
    return rgb;
  }

  /** One by chance. */
  static Scene scene(int size, Draw draw) {
    String kind = draw.of(KINDS);
    String name = draw.of(Palette.names());
    float[] a = Palette.varied(name, draw);
    float[] b = Palette.varied(draw.of(Palette.names()), draw);
    return switch (kind) {
      case "plain" ->
          new Scene(
              fill(size, (x, y, c) -> copy(a, c)), kind, "on a plain " + name + " background");
      case "gradient" ->
          new Scene(fill(size, gradient(a, b, draw)), kind, "in front of a soft gradient");
      case "texture" -> {
        String words = name + " stone texture";
        yield new Scene(
            fill(size, texture(a, draw)), kind, "in front of " + Captions.article(words) + words);
      }
      case "lights" -> new Scene(fill(size, lights(a, draw)), kind, "in front of blurred lights");
      case "checker" ->
          new Scene(fill(size, checker(a, b, draw)), kind, "on a checkered background");
      case "stripes" -> new Scene(fill(size, stripes(a, b, draw)), kind, "on a striped background");
      case "room" ->
          new Scene(fill(size, room(a, draw)), kind, "in a room with " + name + " walls");
      default -> new Scene(fill(size, sky(draw)), kind, "in front of a cloudy sky");
    };
  }

  private static float[] fill(int size, Field field) {
    float[] rgb = new float[3 * size * size];
    float[] c = new float[3];
    for (int y = 0; y < size; y++) {
      for (int x = 0; x < size; x++) {
        field.at((x + 0.5f) / size, (y + 0.5f) / size, c);
        for (int k = 0; k < 3; k++) {
          rgb[3 * (y * size + x) + k] = Math.clamp(c[k], 0f, 1f);
        }
      }
    }
    return rgb;
  }

  private static void copy(float[] from, float[] to) {
    System.arraycopy(from, 0, to, 0, 3);
  }

  private static void mix(float[] a, float[] b, float t, float[] out) {
    for (int k = 0; k < 3; k++) {
      out[k] = a[k] + (b[k] - a[k]) * t;
    }
  }

  private static Field gradient(float[] a, float[] b, Draw draw) {
    double turn = draw.unit();
    float dx = (float) Trig.cos(turn);
    float dy = (float) Trig.sin(turn);
    return (x, y, c) -> mix(a, b, Math.clamp(0.5f + (x - 0.5f) * dx + (y - 0.5f) * dy, 0f, 1f), c);
  }

  private static Field texture(float[] a, Draw draw) {
    int salt = draw.below(1 << 20);
    float scale = (float) draw.in(4, 14);
    return (x, y, c) -> {
      float k = 0.5f + Noise.octaves(x * scale, y * scale, 5, salt);
      for (int i = 0; i < 3; i++) {
        c[i] = (0.25f * 0.6f + 0.75f * a[i]) * k;
      }
    };
  }

  private static Field lights(float[] a, Draw draw) {
    int n = 18;
    float[] place = new float[6 * n];
    for (int i = 0; i < n; i++) {
      float[] colour = Palette.varied(draw.of(Palette.names()), draw);
      place[6 * i] = (float) draw.unit();
      place[6 * i + 1] = (float) draw.unit();
      place[6 * i + 2] = (float) draw.in(0.05, 0.2);
      System.arraycopy(colour, 0, place, 6 * i + 3, 3);
    }
    return (x, y, c) -> {
      for (int k = 0; k < 3; k++) {
        c[k] = a[k] * 0.35f;
      }
      for (int i = 0; i < n; i++) {
        float dx = (x - place[6 * i]) / place[6 * i + 2];
        float dy = (y - place[6 * i + 1]) / place[6 * i + 2];
        float t = 1.3f - (dx * dx + dy * dy);
        float w = Math.clamp(t * 2.5f, 0f, 1f) * 0.55f;
        for (int k = 0; k < 3; k++) {
          c[k] += (place[6 * i + 3 + k] - c[k]) * w;
        }
      }
    };
  }

  private static Field checker(float[] a, float[] b, Draw draw) {
    float n = 3 + draw.below(7);
    return (x, y, c) -> copy(((int) (x * n) + (int) (y * n)) % 2 == 0 ? a : b, c);
  }

  private static Field stripes(float[] a, float[] b, Draw draw) {
    float n = 3 + draw.below(8);
    float slant = (float) draw.around(1);
    return (x, y, c) -> copy((int) ((x + slant * y + 2) * n) % 2 == 0 ? a : b, c);
  }

  private static Field room(float[] wall, Draw draw) {
    float horizon = (float) draw.in(0.55, 0.8);
    float[] floor = Palette.varied(draw.chance(0.6) ? "brown" : "grey", draw);
    float boards = (float) draw.in(5, 11);
    int salt = draw.below(1 << 20);
    return (x, y, c) -> {
      if (y < horizon) {
        float k = 0.72f + 0.28f * y / horizon + 0.06f * (x - 0.5f);
        for (int i = 0; i < 3; i++) {
          c[i] = (0.3f * 0.85f + 0.7f * wall[i]) * k;
        }
        if (y > horizon - 0.035f) {
          Paints.set(c, 0.9f, 0.89f, 0.86f);
        }
      } else {
        float depth = 0.12f / (y - horizon + 0.12f);
        float across = (x - 0.5f) * depth * boards * 2 + 50;
        float grain = Noise.value(across * 3, depth * 12, salt);
        float gap = across - (int) across < 0.04f ? 0.6f : 1;
        float k = (0.8f + 0.3f * grain) * gap * (1.1f - 0.4f * depth);
        for (int i = 0; i < 3; i++) {
          c[i] = floor[i] * k;
        }
      }
    };
  }

  private static Field sky(Draw draw) {
    int salt = draw.below(1 << 20);
    float amount = (float) draw.in(0.4, 0.6);
    return (x, y, c) -> {
      float cloud = Noise.octaves(x * 4, y * 7, 5, salt);
      float w = Math.clamp((cloud - amount) * 4, 0f, 1f);
      Paints.set(c, 0.32f + 0.35f * y, 0.55f + 0.25f * y, 0.9f);
      for (int k = 0; k < 3; k++) {
        c[k] += (0.96f - c[k]) * w;
      }
    };
  }
}
