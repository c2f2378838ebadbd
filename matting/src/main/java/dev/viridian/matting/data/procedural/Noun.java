package dev.viridian.matting.data.procedural;

import java.util.List;
import java.util.function.Consumer;

/**
 * A kind of object.
 *
 * @param name as in the metadata
 * @param phrase the name in a caption, with {@code *} where adjectives go: {@code "* apple"},
 *     {@code "bunch of * grapes"}
 * @param recipe builds one
 * @param materials what it can be made of; the first is the likeliest
 * @param natural colours that it mostly has; empty if any is as likely
 * @param pose where it is seen from
 */
record Noun(
    String name,
    String phrase,
    Consumer<Kit> recipe,
    List<Material> materials,
    List<String> natural,
    Pose pose) {
  private static final List<Material> USUAL = List.of(Material.MATTE, Material.GLOSSY);

  static Noun of(String name, Pose pose, Consumer<Kit> recipe) {
    return new Noun(name, "* " + name, recipe, USUAL, List.of(), pose);
  }

  /** The words around the adjectives, where it is not simply {@code * name}. */
  Noun called(String words) {
    return new Noun(name, words, recipe, materials, natural, pose);
  }

  Noun of(Material... made) {
    return new Noun(name, phrase, recipe, List.of(made), natural, pose);
  }

  /** Made of anything but glass. */
  Noun solid() {
    return of(
        Material.MATTE,
        Material.GLOSSY,
        Material.METAL,
        Material.WOODEN,
        Material.STRIPED,
        Material.DOTTED);
  }

  /** Made of anything. */
  Noun any() {
    return of(Material.values());
  }

  /** Soft or living: without metal, glass and wood. */
  Noun soft() {
    return of(Material.MATTE, Material.GLOSSY, Material.STRIPED, Material.DOTTED);
  }

  Noun natural(String... colours) {
    return new Noun(name, phrase, recipe, materials, List.of(colours), pose);
  }
}
