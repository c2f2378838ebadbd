package dev.viridian.matting.image;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * The names of what is written for one picture. Immutable.
 *
 * @param picture RGBA: {@code NAME.png}
 * @param green as decoded, RGB: {@code NAME.green.png}
 * @param alpha 16-bit grey: {@code NAME.alpha.png}
 * @param json how it was made: {@code NAME.json}
 */
public record OutputNames(Path picture, Path green, Path alpha, Path json) {
  /**
   * The names of a single picture.
   *
   * @param picture ends in {@code .png}, in any case
   */
  public static OutputNames of(Path picture) {
    String name = picture.getFileName().toString();
    if (!name.toLowerCase(Locale.ROOT).endsWith(".png")) {
      throw new IllegalArgumentException("OutputNames: '" + picture + "' does not end in .png");
    }
    String stem = name.substring(0, name.length() - 4);
    return new OutputNames(
        picture,
        picture.resolveSibling(stem + ".green.png"),
        picture.resolveSibling(stem + ".alpha.png"),
        picture.resolveSibling(stem + ".json"));
  }

  /** The names of picture {@code index} of a run into a folder: {@code DIR/00000-SEED.png}, … */
  public static OutputNames in(Path folder, int index, long seed) {
    return of(folder.resolve(String.format(Locale.ROOT, "%05d-%d.png", index, seed)));
  }

  /** All of them. */
  public List<Path> all() {
    return List.of(picture, green, alpha, json);
  }
}
