package dev.viridian.matting.evaluate;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.FileErrors;
import dev.viridian.engine.io.Text;
import dev.viridian.matting.image.Images;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A line of a drawn data set.
 *
 * @param file the picture on the canvas
 * @param alpha what it was drawn with; null where the line has none
 * @param text its caption
 */
record TestPicture(Path file, @Nullable Path alpha, String text, String noun, String colour) {

  /**
   * Reads the lines of a data set that {@code dataset procedural} wrote.
   *
   * @throws InputException naming what is missing
   */
  static List<TestPicture> read(Path folder) {
    Path metadata = folder.resolve("metadata.jsonl");
    String name = Text.line(metadata.toString());
    List<TestPicture> all = new ArrayList<>();
    try {
      for (String line : Files.readAllLines(metadata)) {
        JsonNode node = JsonMapper.shared().readTree(line);
        all.add(
            new TestPicture(
                folder.resolve(text(name, node, "file_name")),
                node.path("alpha_file_name").isString()
                    ? folder.resolve(node.path("alpha_file_name").asString())
                    : null,
                text(name, node, "text"),
                text(name, node, "noun"),
                text(name, node, "colour")));
      }
    } catch (IOException e) {
      throw new InputException(name + ": cannot be read: " + FileErrors.reason(e), e);
    } catch (JacksonException e) {
      throw new InputException(name + ": is not sound JSON", e);
    }
    if (all.isEmpty()) {
      throw new InputException(name + ": has no pictures");
    }
    return all;
  }

  /**
   * Lines whose caption names noun and colour, in the set's order, but each noun in each colour
   * once before any comes again: drawn sets have many yellow bananas. One in twenty of the captions
   * that are drawn leaves the colour out: what nobody asked for is not to be judged.
   *
   * @throws InputException if there are fewer than that
   */
  static List<TestPicture> named(Path folder, List<TestPicture> all, int count) {
    List<TestPicture> named = all.stream().filter(TestPicture::isNamed).toList();
    if (named.size() < count) {
      throw new InputException(
          String.format(
              "%s: %d of its %d captions name noun and colour, expected at least %d to generate;"
                  + " a smaller --count takes fewer",
              Text.line(folder.toString()), named.size(), all.size(), count));
    }
    Map<String, Integer> seen = new HashMap<>();
    List<Integer> turn =
        named.stream().map(p -> seen.merge(p.colour + " " + p.noun, 1, Integer::sum)).toList();
    return IntStream.range(0, named.size())
        .boxed()
        .sorted(Comparator.comparing(turn::get))
        .limit(count)
        .map(named::get)
        .toList();
  }

  /** Whether each word of noun and colour is one of the caption: "ball of red yarn" does. */
  boolean isNamed() {
    Set<String> words = new HashSet<>(List.of(text.split("\\P{Alnum}+")));
    return words.containsAll(List.of((noun + " " + colour).split(" ")));
  }

  private static String text(String name, JsonNode node, String key) {
    JsonNode value = node.path(key);
    if (!value.isString()) {
      throw new InputException(
          name
              + ": a line has no "
              + key
              + ", expected a data set that 'viridian dataset procedural' wrote");
    }
    return value.asString();
  }

  /** The picture, RGB in 0…1; square, of one side. */
  float[] rgb(int side) {
    return Images.rgb(image(file, side));
  }

  /** The true alpha, in 0…1; of a line that has one. */
  float[] truth(int side) {
    return Images.channel(image(Objects.requireNonNull(alpha), side), 0);
  }

  private static BufferedImage image(Path file, int side) {
    String name = Text.line(file.toString());
    try {
      BufferedImage image = ImageIO.read(file.toFile());
      if (image == null || image.getWidth() != side || image.getHeight() != side) {
        throw new InputException(name + ": expected a picture of " + side + "x" + side);
      }
      return image;
    } catch (IOException e) {
      throw new InputException(name + ": cannot be read: " + FileErrors.reason(e), e);
    }
  }
}
