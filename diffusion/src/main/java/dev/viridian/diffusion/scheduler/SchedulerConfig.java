package dev.viridian.diffusion.scheduler;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.FileErrors;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.core.json.JsonReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The settings of a {@code scheduler_config.json}, by their diffusers names. A setting that is
 * absent or null has the default of the scheduler that asks; settings that no one asks for are
 * ignored. Immutable.
 *
 * <p>What diffusers passes to {@code step()} are settings here: {@code eta}, {@code
 * use_clipped_model_output}, {@code s_churn}, {@code s_tmin}, {@code s_tmax}, {@code s_noise}.
 */
public final class SchedulerConfig {
  private static final JsonMapper JSON =
      JsonMapper.builder()
          // "lambda_min_clipped": -Infinity stands bare in the files of the DPM++ family
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .build();

  private static final long LARGEST_FILE = 1 << 20;
  private static final int MOST_TRAIN_STEPS = 100_000;

  private final String source;
  private final ObjectNode settings;

  private SchedulerConfig(String source, ObjectNode settings) {
    this.source = source;
    this.settings = settings;
  }

  /**
   * Reads a {@code scheduler_config.json}.
   *
   * @throws InputException if there is no such file or it holds no JSON object
   */
  public static SchedulerConfig load(Path file) {
    try {
      if (Files.size(file) > LARGEST_FILE) {
        throw new InputException(file + " is larger than a scheduler's settings can be (1 MiB)");
      }
      return parse(Files.readString(file), file.toString());
    } catch (NoSuchFileException e) {
      throw new InputException("scheduler settings " + file + " not found", e);
    } catch (CharacterCodingException e) {
      throw new InputException(file + " is not UTF-8 text", e);
    } catch (IOException e) {
      throw new InputException("cannot read " + file + ": " + FileErrors.reason(e), e);
    }
  }

  /**
   * Reads settings from JSON text.
   *
   * @param source what to call it in messages
   * @throws InputException if it is no JSON object
   */
  public static SchedulerConfig parse(String json, String source) {
    JsonNode root;
    try {
      root = JSON.readTree(json);
    } catch (JacksonException e) {
      String message = String.valueOf(e.getOriginalMessage()).lines().findFirst().orElse("");
      throw new InputException(source + " is not valid JSON: " + message, e);
    }
    if (root instanceof ObjectNode object) {
      return new SchedulerConfig(source, object);
    }
    throw new InputException(source + " holds no settings: expected a JSON object");
  }

  /** What Stable Diffusion 1.5 ships, for models that come as a single file. */
  public static SchedulerConfig sd15() {
    return parse(
        """
        {"_class_name": "PNDMScheduler", "beta_end": 0.012, "beta_schedule": "scaled_linear",
         "beta_start": 0.00085, "num_train_timesteps": 1000, "set_alpha_to_one": false,
         "skip_prk_steps": true, "steps_offset": 1, "trained_betas": null, "clip_sample": false}
        """,
        "the scheduler settings of Stable Diffusion 1.5");
  }

  /** These settings with one of them set. */
  public SchedulerConfig with(String key, String value) {
    ObjectNode copy = settings.deepCopy();
    copy.put(key, value);
    return new SchedulerConfig(source, copy);
  }

  /** These settings with one of them set. */
  public SchedulerConfig with(String key, double value) {
    ObjectNode copy = settings.deepCopy();
    copy.put(key, value);
    return new SchedulerConfig(source, copy);
  }

  /** These settings with one of them set. */
  public SchedulerConfig with(String key, int value) {
    ObjectNode copy = settings.deepCopy();
    copy.put(key, value);
    return new SchedulerConfig(source, copy);
  }

  /** These settings with one of them set. */
  public SchedulerConfig with(String key, boolean value) {
    ObjectNode copy = settings.deepCopy();
    copy.put(key, value);
    return new SchedulerConfig(source, copy);
  }

  /** Whether a setting is there and not null. */
  public boolean has(String key) {
    return settings.hasNonNull(key);
  }

  /** The diffusers class that the settings were written by, where they name it. */
  public Optional<String> className() {
    JsonNode name = settings.get("_class_name");
    return name != null && name.isString() ? Optional.of(name.stringValue()) : Optional.empty();
  }

  /** Steps of the training process, 1 to 100,000: timesteps run from 0 to this less one. */
  public int trainSteps() {
    return whole("num_train_timesteps", 1000, 1, MOST_TRAIN_STEPS);
  }

  /** A truth value. */
  public boolean flag(String key, boolean fallback) {
    if (!has(key)) {
      return fallback;
    }
    JsonNode value = settings.get(key);
    if (!value.isBoolean()) {
      throw wrong(key, "true or false");
    }
    return value.booleanValue();
  }

  /** A whole number in a range (both ends included). */
  public int whole(String key, int fallback, int smallest, int largest) {
    if (!has(key)) {
      return fallback;
    }
    JsonNode value = settings.get(key);
    if (!value.canConvertToInt()
        || value.intValue() != value.doubleValue()
        || value.intValue() < smallest
        || value.intValue() > largest) {
      throw wrong(key, "a whole number from " + smallest + " to " + largest);
    }
    return value.intValue();
  }

  /** A number in a range (both ends included); infinities may also be written as strings. */
  public double number(String key, double fallback, double smallest, double largest) {
    if (!has(key)) {
      return fallback;
    }
    JsonNode value = settings.get(key);
    double number =
        switch (value.isString() ? value.stringValue() : "") {
          case "Infinity" -> Double.POSITIVE_INFINITY;
          case "-Infinity" -> Double.NEGATIVE_INFINITY;
          default -> value.isNumber() ? value.doubleValue() : Double.NaN;
        };
    if (!(number >= smallest && number <= largest)) {
      throw wrong(key, "a number from " + smallest + " to " + largest);
    }
    return number;
  }

  /** One of several words. */
  public String choice(String key, String fallback, String... allowed) {
    if (!has(key)) {
      return fallback;
    }
    JsonNode value = settings.get(key);
    if (!value.isString() || !Arrays.asList(allowed).contains(value.stringValue())) {
      throw wrong(key, "one of " + String.join(", ", allowed));
    }
    return value.stringValue();
  }

  /** A list of numbers in a range; empty where there is none. */
  public double[] numbers(String key, double smallest, double largest) {
    if (!has(key)) {
      return new double[0];
    }
    JsonNode value = settings.get(key);
    if (!value.isArray() || value.isEmpty() || value.size() > MOST_TRAIN_STEPS) {
      throw wrong(key, "a list of numbers");
    }
    double[] numbers = value.valueStream().mapToDouble(n -> n.asDouble(Double.NaN)).toArray();
    for (double number : numbers) {
      if (!(number >= smallest && number <= largest)) {
        throw wrong(key, "numbers from " + smallest + " to " + largest);
      }
    }
    return numbers;
  }

  /** Refuses settings that ask for what this scheduler does not do. */
  void refuse(String key, boolean asked, String why) {
    if (asked) {
      throw new InputException(source + ": " + key + " is " + show(key) + ": " + why);
    }
  }

  /** At most one of several flags may be set. */
  void atMostOne(List<String> keys) {
    List<String> set = keys.stream().filter(key -> flag(key, false)).toList();
    if (set.size() > 1) {
      throw new InputException(
          source + ": " + String.join(" and ", set) + " are set, expected at most one of them");
    }
  }

  private InputException wrong(String key, String expected) {
    return new InputException(source + ": " + key + " is " + show(key) + ", expected " + expected);
  }

  private String show(String key) {
    String text = String.valueOf(settings.get(key));
    String line = text.lines().findFirst().orElse("");
    return line.length() > 60 ? line.substring(0, 60) + "..." : line;
  }

  @Override
  public String toString() {
    return source;
  }
}
