package dev.viridian.matting.data.procedural;

import java.util.List;

/** What objects can be made of, with the words that captions have for it. */
enum Material {
  MATTE("matte", "", "", "", "matte"),
  GLOSSY("glossy", "shiny", "glossy"),
  METAL("metal", "metal", "metallic"),
  GLASS("glass", "glass", "transparent"),
  WOODEN("wooden", "wooden"),
  STRIPED("striped", "striped"),
  DOTTED("dotted", "dotted", "polka-dotted");

  private final String label;
  private final List<String> words;

  Material(String label, String... words) {
    this.label = label;
    this.words = List.of(words);
  }

  /** The name in the metadata. */
  String label() {
    return label;
  }

  /** Words for a caption; an empty one leaves it unsaid. */
  List<String> words() {
    return words;
  }

  /** Words for what is never made of anything else: nobody says that smoke is matte. */
  List<String> wordsAlone() {
    return switch (this) {
      case MATTE, GLOSSY -> List.of("");
      case GLASS -> List.of("", "transparent");
      default -> words;
    };
  }
}
