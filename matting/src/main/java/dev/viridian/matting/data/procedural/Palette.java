package dev.viridian.matting.data.procedural;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The named colours of objects.
 *
 * <p>None has the word {@code green} in its name, and none is near the canvas: in a caption that
 * word stands for the canvas alone, and what is green by nature is olive, emerald or teal (or, as
 * leaves, a dull dark green). Shading keeps the green of every sample at most 0.35 above its red or
 * blue, where the canvas is 1 above.
 */
final class Palette {
  private static final Map<String, Integer> COLOURS = new LinkedHashMap<>();

  static {
    COLOURS.put("red", 0xCC1F1F);
    COLOURS.put("orange", 0xF07C12);
    COLOURS.put("yellow", 0xF5CE1E);
    COLOURS.put("olive", 0x77802B);
    COLOURS.put("emerald", 0x11603B);
    COLOURS.put("teal", 0x138C94);
    COLOURS.put("blue", 0x2148C8);
    COLOURS.put("purple", 0x7A2DA8);
    COLOURS.put("pink", 0xF27FAE);
    COLOURS.put("brown", 0x7A4A24);
    COLOURS.put("black", 0x1E1E22);
    COLOURS.put("grey", 0x85888C);
    COLOURS.put("white", 0xF2F1EC);
  }

  private Palette() {}

  /** The names, in a fixed order. */
  static List<String> names() {
    return List.copyOf(COLOURS.keySet());
  }

  /** The colour of a name, as 0xRRGGBB. */
  static int of(String name) {
    Integer colour = COLOURS.get(name);
    if (colour == null) {
      throw new IllegalArgumentException("Palette: no colour '" + name + "'");
    }
    return colour;
  }

  /** The same, each channel moved by up to 0.05. */
  static float[] varied(String name, Draw draw) {
    int colour = of(name);
    float light = (float) draw.around(0.03);
    float[] rgb = new float[3];
    for (int c = 0; c < 3; c++) {
      float base = (colour >> (16 - 8 * c) & 255) / 255f;
      rgb[c] = Math.clamp(base + light + (float) draw.around(0.02), 0.03f, 0.98f);
    }
    return rgb;
  }
}
