package dev.viridian.diffusion.weights;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.FileErrors;
import dev.viridian.engine.io.Text;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A JSON object in a file, whose values are asked for by key; every error names file and key. */
final class ConfigFile {
  private static final int MOST_BYTES = 1 << 20;

  private static final JsonMapper MAPPER =
      new JsonMapper(
          JsonFactory.builder()
              .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
              .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(64).build())
              .build());

  private final Path path;
  private final ObjectNode json;

  private ConfigFile(Path path, ObjectNode json) {
    this.path = path;
    this.json = json;
  }

  /**
   * Reads a file.
   *
   * @throws InputException if it is absent, too long or no JSON object
   */
  static ConfigFile read(Path path) {
    String name = Text.line(path.toString());
    try {
      if (Files.size(path) > MOST_BYTES) {
        throw new InputException(
            name + ": has " + Files.size(path) + " bytes, a configuration at most " + MOST_BYTES);
      }
      JsonNode node = MAPPER.readTree(Files.readAllBytes(path));
      if (node instanceof ObjectNode object) {
        return new ConfigFile(path, object);
      }
      throw new InputException(name + ": is no JSON object");
    } catch (NoSuchFileException e) {
      throw new InputException(name + ": no such file", e);
    } catch (JacksonException e) {
      String reason = String.valueOf(e.getOriginalMessage());
      throw new InputException(name + ": is not sound JSON: " + Text.line(reason), e);
    } catch (IOException e) {
      throw new InputException(name + ": cannot be read: " + FileErrors.reason(e), e);
    }
  }

  ObjectNode json() {
    return json;
  }

  /** An object within the file, as a file of its own. */
  ConfigFile part(String key) {
    if (required(key) instanceof ObjectNode object) {
      return new ConfigFile(path, object);
    }
    throw error(key, required(key), "an object");
  }

  /**
   * Makes a record of values of this file; what the record refuses is said with the file's name.
   */
  <T> T make(Supplier<T> record) {
    try {
      return record.get();
    } catch (IllegalArgumentException e) {
      throw error(String.valueOf(e.getMessage()));
    }
  }

  InputException error(String what) {
    return new InputException(Text.line(path.toString()) + ": " + what);
  }

  /** That a key does not have what was expected. */
  InputException error(String key, JsonNode found, String expected) {
    return error(key + " is " + shown(found) + ", expected " + expected);
  }

  private static String shown(JsonNode node) {
    String text = Text.line(node.toString());
    return text.length() > 60 ? text.substring(0, 60) + "…" : text;
  }

  /** The value, or null where the key is absent or null. */
  @Nullable JsonNode value(String key) {
    JsonNode node = json.get(key);
    return node == null || node.isNull() ? null : node;
  }

  private JsonNode required(String key) {
    JsonNode node = value(key);
    if (node == null) {
      throw error(key + " is missing");
    }
    return node;
  }

  /** A whole number from 1 to a million. */
  int size(String key) {
    return size(key, required(key));
  }

  int size(String key, int otherwise) {
    JsonNode node = value(key);
    return node == null ? otherwise : size(key, node);
  }

  private int size(String key, JsonNode node) {
    if (!node.isIntegralNumber()
        || !node.canConvertToInt()
        || node.intValue() < 1
        || node.intValue() > ConfigChecks.LARGEST) {
      throw error(key, node, "a whole number from 1 to " + ConfigChecks.LARGEST);
    }
    return node.intValue();
  }

  /** A list of whole numbers from 1 to a million. */
  List<Integer> sizes(String key, List<Integer> otherwise) {
    JsonNode node = value(key);
    if (node == null) {
      return otherwise;
    }
    if (!node.isArray()) {
      throw error(key, node, "a list of whole numbers");
    }
    List<Integer> out = new ArrayList<>();
    node.forEach(element -> out.add(size(key, element)));
    return out;
  }

  /** A list of {@code count} whole numbers, or one that stands for all of them. */
  List<Integer> sizeOrSizes(String key, int otherwise, int count) {
    JsonNode node = value(key);
    if (node != null && node.isArray()) {
      return sizes(key, List.of());
    }
    return Collections.nCopies(count, size(key, otherwise));
  }

  double number(String key, double otherwise) {
    JsonNode node = value(key);
    if (node == null) {
      return otherwise;
    }
    if (!node.isNumber() || !Double.isFinite(node.doubleValue())) {
      throw error(key, node, "a number");
    }
    return node.doubleValue();
  }

  boolean truth(String key, boolean otherwise) {
    JsonNode node = value(key);
    if (node == null) {
      return otherwise;
    }
    if (!node.isBoolean()) {
      throw error(key, node, "true or false");
    }
    return node.booleanValue();
  }

  String text(String key, String otherwise) {
    JsonNode node = value(key);
    if (node == null) {
      return otherwise;
    }
    if (!node.isString()) {
      throw error(key, node, "a text");
    }
    return node.stringValue();
  }

  /** A list of texts, each of which is one of two; true where it is the first. */
  List<Boolean> choices(String key, String first, String second, List<Boolean> otherwise) {
    JsonNode node = value(key);
    if (node == null) {
      return otherwise;
    }
    if (!node.isArray()) {
      throw error(key, node, "a list of texts");
    }
    List<Boolean> out = new ArrayList<>();
    for (JsonNode element : node) {
      String text = element.isString() ? element.stringValue() : "";
      if (!text.equals(first) && !text.equals(second)) {
        throw error(
            key + "[" + out.size() + "]",
            element,
            "'" + first + (second.equals(first) ? "'" : "' or '" + second + "'"));
      }
      out.add(text.equals(first));
    }
    return out;
  }

  /**
   * Refuses every value but one: for options of diffusers that the SD1.x family does not use.
   *
   * @param only the value as JSON text; an absent key and null pass too
   */
  void only(String key, String only) {
    JsonNode node = value(key);
    if (node == null) {
      return;
    }
    JsonNode expected = MAPPER.readTree(only);
    boolean equal =
        node.isNumber() && expected.isNumber()
            ? node.doubleValue() == expected.doubleValue()
            : node.equals(expected);
    if (!equal) {
      throw error(key, node, only.equals("null") ? "none: SD1.x has no such thing" : only);
    }
  }
}
