package dev.viridian.diffusion.weights;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The vocabulary of CLIP ViT-L/14, which all Stable Diffusion 1.x share. It is kept in the jar for
 * models that come without a tokenizer, as single files do. Stateless.
 */
public final class ClipVocabulary {
  /** Number of its tokens. */
  public static final int SIZE = 49408;

  /** Ids of a prompt, which its text encoder has positions for. */
  public static final int POSITIONS = 77;

  /** Each byte within a word and at its end. */
  private static final int BYTES = 512;

  private static final String VOCABULARY = "vocab.json";
  private static final String MERGES = "merges.txt";
  private static final String CONFIG = "tokenizer_config.json";
  private static final List<String> FILES =
      List.of(VOCABULARY, MERGES, "special_tokens_map.json", CONFIG);

  private ClipVocabulary() {}

  /** The content of {@code vocab.json}. */
  public static String vocabulary() {
    return text(VOCABULARY);
  }

  /** The content of {@code merges.txt}. */
  public static String merges() {
    return text(MERGES);
  }

  /**
   * Writes the files of a tokenizer folder.
   *
   * @param folder where to; must exist
   * @throws IOException if that fails
   */
  public static void write(Path folder) throws IOException {
    for (String name : FILES) {
      try (InputStream in = open(name)) {
        Files.copy(in, folder.resolve(name));
      }
    }
  }

  /**
   * Writes a smaller tokenizer: CLIP's with its first merges alone. Words that need later ones
   * become several tokens.
   *
   * @param folder where to; must exist
   * @param size how many tokens, start and end among them: 515 to {@link #SIZE}
   * @param positions of the text encoder: ids of a prompt
   * @throws IOException if that fails
   */
  public static void write(Path folder, int size, int positions) throws IOException {
    int merges = size - BYTES - 2;
    if (merges < 1 || size > SIZE) {
      throw new IllegalArgumentException("a tokenizer of " + size + " tokens");
    }
    write(folder);
    if (positions != POSITIONS) {
      Path config = folder.resolve(CONFIG);
      ObjectNode json = (ObjectNode) JsonMapper.shared().readTree(Files.readString(config));
      json.put("model_max_length", positions);
      Files.writeString(
          config, JsonMapper.shared().writerWithDefaultPrettyPrinter().writeValueAsString(json));
    }
    if (size == SIZE) {
      return;
    }
    String[] tokens = new String[size];
    JsonMapper.shared()
        .readTree(text(VOCABULARY))
        .forEachEntry(
            (token, value) -> {
              int id = value.intValue();
              int kept = id >= SIZE - 2 ? id - SIZE + size : id;
              if (id >= SIZE - 2 || id < BYTES + merges) {
                tokens[kept] = token;
              }
            });
    Map<String, Integer> vocabulary = new LinkedHashMap<>();
    for (int i = 0; i < size; i++) {
      vocabulary.put(tokens[i], i);
    }
    Files.writeString(
        folder.resolve(VOCABULARY), JsonMapper.shared().writeValueAsString(vocabulary));
    List<String> lines = text(MERGES).lines().limit(1L + merges).toList();
    Files.write(folder.resolve(MERGES), lines);
  }

  private static String text(String name) {
    try (InputStream in = open(name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("the jar's " + name + " cannot be read", e);
    }
  }

  private static InputStream open(String name) throws IOException {
    InputStream in = ClipVocabulary.class.getResourceAsStream("clip/" + name);
    if (in == null) {
      throw new IOException("the jar lacks " + name);
    }
    return in;
  }
}
