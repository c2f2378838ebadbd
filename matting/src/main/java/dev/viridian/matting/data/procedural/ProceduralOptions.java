package dev.viridian.matting.data.procedural;

import java.util.List;
import java.util.function.Predicate;

/**
 * What {@link ProceduralObjects} may draw.
 *
 * @param nouns a choice among {@link ProceduralObjects#nouns()}
 * @param colours a choice among {@link ProceduralObjects#colours()}
 * @param background what stands behind the objects
 * @param allowed keeps combinations out, such as those that a test asks for; must be stateless
 */
public record ProceduralOptions(
    List<String> nouns, List<String> colours, Background background, Predicate<Kind> allowed) {

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
  public record Kind(String noun, String colour, String material) {}

  /**
   * Checks names.
   *
   * @throws IllegalArgumentException for an empty choice or an unknown name
   */
  public ProceduralOptions {
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
        ProceduralObjects.nouns(), ProceduralObjects.colours(), Background.GREEN, kind -> true);
  }

  /** The same with other nouns. */
  public ProceduralOptions withNouns(List<String> chosen) {
    return new ProceduralOptions(chosen, colours, background, allowed);
  }

  /** The same with other colours. */
  public ProceduralOptions withColours(List<String> chosen) {
    return new ProceduralOptions(nouns, chosen, background, allowed);
  }

  /** The same on another background. */
  public ProceduralOptions withBackground(Background chosen) {
    return new ProceduralOptions(nouns, colours, chosen, allowed);
  }

  /** The same without the combinations that {@code chosen} refuses. */
  public ProceduralOptions withAllowed(Predicate<Kind> chosen) {
    return new ProceduralOptions(nouns, colours, background, chosen);
  }
}
