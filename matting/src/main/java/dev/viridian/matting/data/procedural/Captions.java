package dev.viridian.matting.data.procedural;

import java.util.ArrayList;
import java.util.List;

/** Words for pictures. Stateless and thread-safe. */
final class Captions {
  private static final List<String> OPENINGS =
      List.of("", "", "", "", "a photo of ", "a picture of ", "a rendering of ");
  private static final double FROM_ABOVE = 30;
  private static final double TILTED = 14;
  private static final double SMALL = 0.66;
  private static final double LARGE = 0.9;
  private static final double SAYS_COLOUR = 0.94;
  private static final double SAYS_SIZE = 0.4;
  private static final double SAYS_VIEW = 0.4;

  private Captions() {}

  /** What is seen, without the background. */
  static String of(Noun noun, String colour, Material material, View view, Draw draw) {
    List<String> adjectives = new ArrayList<>();
    // all draws are made in any case, so that each word depends on its own
    boolean saysSize = draw.chance(SAYS_SIZE);
    boolean saysColour = draw.chance(SAYS_COLOUR);
    boolean saysView = draw.chance(SAYS_VIEW);
    boolean onlyOne = noun.materials().stream().distinct().count() == 1;
    String made = draw.of(onlyOne ? material.wordsAlone() : material.words());
    boolean colourFirst = draw.chance(0.5);
    if (saysSize && view.fill() < SMALL) {
      adjectives.add("small");
    } else if (saysSize && view.fill() > LARGE) {
      adjectives.add("large");
    }
    String shade = saysColour && !colour.equals(noun.name()) ? colour : "";
    boolean worked = material == Material.WOODEN || material == Material.GLASS;
    boolean madeLast = colourFirst || worked || material == Material.METAL;
    adjectives.add(madeLast ? shade : made);
    adjectives.add(madeLast ? made : shade);
    adjectives.removeIf(String::isEmpty);
    String words = noun.phrase().replace("*", String.join(" ", adjectives)).replace("  ", " ");
    words = words.strip();
    String text = draw.of(OPENINGS) + article(words) + words;
    if (saysView && view.pitch() > FROM_ABOVE) {
      text += ", seen from above";
    } else if (saysView && Math.abs(view.roll()) > TILTED) {
      text += ", tilted";
    }
    return text;
  }

  /** What goes before words: "an " before a vowel, else "a ". */
  static String article(String words) {
    return "aeiou".indexOf(words.charAt(0)) >= 0 ? "an " : "a ";
  }
}
