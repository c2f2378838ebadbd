package dev.viridian.matting.data.procedural;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Pictures of simple objects with exact alpha, by seed and index: picture {@code index} of {@code
 * seed} is the same whatever was drawn before, on whatever thread and machine. Stateless and
 * thread-safe.
 */
public final class ProceduralObjects {
  /** The end of every caption of an object on the canvas. */
  public static final String GREEN_SUFFIX = ", on a green screen background";

  /** The least side of a picture in pixels. */
  public static final int LEAST_SIZE = 16;

  /** The greatest side of a picture in pixels. */
  public static final int GREATEST_SIZE = 2048;

  private static final int TRIES = 1000;
  private static final double NATURAL = 0.6;
  private static final double FIRST_MATERIAL = 0.3;

  private static final Map<String, Noun> NOUNS = new LinkedHashMap<>();

  static {
    List<List<Noun>> groups =
        List.of(
            Fruits.nouns(),
            Sweets.nouns(),
            Toys.nouns(),
            Music.nouns(),
            Vessels.nouns(),
            Household.nouns(),
            Brushes.nouns(),
            Vehicles.nouns(),
            Nature.nouns(),
            Flowers.nouns(),
            Animals.nouns(),
            FurryAnimals.nouns(),
            Threads.nouns(),
            Vapours.nouns());
    for (List<Noun> group : groups) {
      for (Noun noun : group) {
        if (NOUNS.put(noun.name(), noun) != null) {
          throw new IllegalStateException("two recipes for " + noun.name());
        }
      }
    }
  }

  private ProceduralObjects() {}

  /** All nouns, in a fixed order. */
  public static List<String> nouns() {
    return List.copyOf(NOUNS.keySet());
  }

  /** All names of colours, in a fixed order. */
  public static List<String> colours() {
    return Palette.names();
  }

  /** All names of materials, in a fixed order. */
  public static List<String> materials() {
    return Arrays.stream(Material.values()).map(Material::label).toList();
  }

  /**
   * Draws a picture.
   *
   * @param size the side in pixels, {@value #LEAST_SIZE} to {@value #GREATEST_SIZE}
   * @throws IllegalArgumentException for another size, or options that allow nothing
   */
  public static ProceduralObject sample(
      long seed, long index, int size, ProceduralOptions options) {
    if (size < LEAST_SIZE || size > GREATEST_SIZE) {
      throw new IllegalArgumentException(
          "ProceduralObjects: size is "
              + size
              + ", expected "
              + LEAST_SIZE
              + " to "
              + GREATEST_SIZE);
    }
    Draw draw = new Draw(seed, index);
    for (int attempt = 0; attempt < TRIES; attempt++) {
      Noun noun = noun(draw.of(options.nouns()));
      String colour = colour(noun, options.colours(), draw);
      Material material = material(noun, draw);
      if (options
          .allowed()
          .test(new ProceduralOptions.Kind(noun.name(), colour, material.label()))) {
        return draw(noun, colour, material, size, options, draw);
      }
    }
    throw new IllegalArgumentException(
        "ProceduralObjects: no allowed combination in " + TRIES + " tries");
  }

  /** Whether there is any combination of noun, colour and material that options allow. */
  public static boolean canDraw(ProceduralOptions options) {
    return kinds(options).stream().anyMatch(options.allowed());
  }

  /** Every combination of the options' nouns, their materials and the colours, allowed or not. */
  public static List<ProceduralOptions.Kind> kinds(ProceduralOptions options) {
    List<ProceduralOptions.Kind> kinds = new ArrayList<>();
    for (String noun : options.nouns()) {
      for (String colour : options.colours()) {
        noun(noun).materials().stream()
            .distinct()
            .map(m -> new ProceduralOptions.Kind(noun, colour, m.label()))
            .forEach(kinds::add);
      }
    }
    return kinds;
  }

  /** The noun of a name that is known. */
  static Noun noun(String name) {
    Noun noun = NOUNS.get(name);
    if (noun == null) {
      throw new IllegalArgumentException("ProceduralObjects: no noun '" + name + "'");
    }
    return noun;
  }

  private static String colour(Noun noun, List<String> allowed, Draw draw) {
    List<String> own = new ArrayList<>(noun.natural());
    own.retainAll(allowed);
    boolean natural = draw.chance(NATURAL);
    return draw.of(natural && !own.isEmpty() ? own : allowed);
  }

  private static Material material(Noun noun, Draw draw) {
    boolean first = draw.chance(FIRST_MATERIAL);
    Material any = draw.of(noun.materials());
    return first ? noun.materials().get(0) : any;
  }

  /** Draws one object, all else by chance. */
  static ProceduralObject draw(
      Noun noun, String colour, Material material, int size, ProceduralOptions options, Draw draw) {
    Kit kit = new Kit(draw, Palette.varied(colour, draw), material);
    noun.recipe().accept(kit);
    View view = view(noun.pose(), options.variety(), draw);
    String words = Captions.of(noun, colour, material, view, draw);
    Renderer.Picture picture = Renderer.draw(kit.model, view, size);
    boolean green = options.background() == ProceduralOptions.Background.GREEN;
    Backgrounds.Scene scene = green ? null : Backgrounds.scene(size, draw);
    return new ProceduralObject(
        size,
        picture.rgb(),
        picture.alpha(),
        scene == null ? Backgrounds.green(size) : scene.rgb(),
        words + (scene == null ? GREEN_SUFFIX : ", " + scene.words()),
        noun.name(),
        colour,
        material.label(),
        scene == null ? null : scene.kind());
  }

  private static View view(Pose pose, double variety, Draw draw) {
    double fill = draw.chance(0.2) ? draw.in(0.55, 0.72) : draw.in(0.78, 0.95);
    double side = draw.chance(0.5) ? 1 : -1;
    View free =
        new View(
            draw.around(pose.yaw()),
            draw.in(pose.pitchFrom(), pose.pitchTo()),
            draw.around(pose.roll()),
            draw.chance(0.5),
            fill,
            draw.around(0.6),
            draw.around(0.6),
            side * draw.in(15, 55),
            draw.in(25, 60));
    return variety == 1 ? free : free.towards(usual(pose), 1 - variety);
  }

  /** How a thing of that pose is seen when nothing differs. */
  private static View usual(Pose pose) {
    double pitch = (pose.pitchFrom() + pose.pitchTo()) / 2;
    return new View(0, pitch, 0, false, 0.85, 0, 0, -35, 45);
  }
}
