package dev.viridian.matting.data.procedural;

import java.util.List;
import java.util.function.Predicate;

/**
 * What {@link ProceduralObjects} may draw.
 *
 * @param nouns a choice among {@link ProceduralObjects#nouns()}
 * @param colours a choice among {@link ProceduralObjects#colours()}
 * @param background what stands behind the objects
 * @param variety how much views, sizes, places and lamps differ: 1 as much as they can, 0 not at
 *     all
 * @param allowed keeps combinations out, such as those that a test asks for; must be stateless
 */
public record ProceduralOptions(
    List<String> nouns,
    List<String> colours,
    Background background,
    double variety,
    Predicate<Kind> allowed) {

  /** What stands behind an object. */
  public enum Background {
    /** The canvas: pure green (0, 1, 0). */
    GREEN,
    /** Plain colours, gradients, textures, blurred lights, patterns and rooms. */
    SCENE
  }

  /**
   * What is drawn.
   *
   * @param noun one of {@link ProceduralObjects#nouns()}
   * @param colour one of {@link ProceduralObjects#colours()}
   * @param material one of {@link ProceduralObjects#materials()}
   */
  public record Kind(String noun, String colour, String material) {
    private static final long PRIME = 0x100000001B3L;

    /**
     * Whether it is the one of {@code of} kinds that is kept out of training, to be asked for
     * afterwards. It follows from the names alone, whatever else may be drawn.
     */
    public boolean heldOut(int of) {
      long hash = 0xCBF29CE484222325L; // FNV-1a, then a finaliser, since its low bits are weak
      for (char c : (noun + "|" + colour + "|" + material).toCharArray()) {
        hash = (hash ^ c) * PRIME;
      }
      hash = (hash ^ hash >>> 33) * 0xFF51AFD7ED558CCDL;
      return Long.remainderUnsigned(hash ^ hash >>> 33, of) == 0;
    }
  }

  /**
   * Checks names.
   *
   * @throws IllegalArgumentException for an empty choice, an unknown name, or a variety outside of
   *     0…1
   */
  public ProceduralOptions {
    if (!(variety >= 0 && variety <= 1)) {
      throw new IllegalArgumentException(
          "ProceduralOptions: variety is " + variety + ", expected 0 to 1");
    }
    nouns = checked("nouns", nouns, ProceduralObjects.nouns());
    colours = checked("colours", colours, ProceduralObjects.colours());
  }

  private static List<String> checked(String what, List<String> chosen, List<String> known) {
    if (chosen.isEmpty()) {
      throw new IllegalArgumentException("ProceduralOptions: " + what + " is empty");
    }
    for (String name : chosen) {
      if (!known.contains(name)) {
        throw new IllegalArgumentException("ProceduralOptions: " + what + " has no '" + name + "'");
      }
    }
    return List.copyOf(chosen);
  }

  /** Every noun and colour, on the green canvas. */
  public static ProceduralOptions defaults() {
    return new ProceduralOptions(
        ProceduralObjects.nouns(), ProceduralObjects.colours(), Background.GREEN, 1, kind -> true);
  }

  /** The same with other nouns. */
  public ProceduralOptions withNouns(List<String> chosen) {
    return new ProceduralOptions(chosen, colours, background, variety, allowed);
  }

  /** The same with other colours. */
  public ProceduralOptions withColours(List<String> chosen) {
    return new ProceduralOptions(nouns, chosen, background, variety, allowed);
  }

  /** The same on another background. */
  public ProceduralOptions withBackground(Background chosen) {
    return new ProceduralOptions(nouns, colours, chosen, variety, allowed);
  }

  /** The same without the combinations that {@code chosen} refuses. */
  public ProceduralOptions withAllowed(Predicate<Kind> chosen) {
    return new ProceduralOptions(nouns, colours, background, variety, chosen);
  }

  /** The same with other differences of view, size, place and light. */
  public ProceduralOptions withVariety(double chosen) {
    return new ProceduralOptions(nouns, colours, background, chosen, allowed);
  }
}
