package dev.viridian.bench.table2;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.FileErrors;
import dev.viridian.engine.io.Text;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What was measured of a model.
 *
 * @param variant how it was trained; null for the base
 * @param seed of its training, 0 for the base
 * @param steps it was trained
 * @param gsg mean GSG of its pictures
 * @param grad mean boundary error, Grad/1000
 * @param sad the same as SAD/1000
 */
record Outcome(
    @Nullable Variant variant, int seed, long steps, double gsg, double grad, double sad) {

  /**
   * Reads what {@code viridian evaluate} wrote.
   *
   * @throws InputException if it is damaged
   */
  static Outcome read(Path file, @Nullable Variant variant, int seed, long steps) {
    String name = Text.line(file.toString());
    try {
      JsonNode json = JsonMapper.shared().readTree(Files.readString(file));
      JsonNode edges = json.path("edges");
      if (!json.path("gsg").isNumber() || !edges.path("grad").isNumber()) {
        throw new InputException(
            name + ": has no gsg or no edges, expected a test set with alphas");
      }
      return new Outcome(
          variant,
          seed,
          steps,
          json.path("gsg").asDouble(),
          edges.path("grad").asDouble(),
          edges.path("sad").asDouble());
    } catch (IOException e) {
      throw new InputException(name + ": cannot be read: " + FileErrors.reason(e), e);
    } catch (JacksonException e) {
      throw new InputException(name + ": is not sound JSON", e);
    }
  }

  /** For reports. */
  Map<String, Object> facts() {
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("variant", variant == null ? "base" : variant.key());
    facts.put("seed", seed);
    facts.put("steps", steps);
    facts.put("gsg", gsg);
    facts.put("grad", grad);
    facts.put("sad", sad);
    return facts;
  }
}
