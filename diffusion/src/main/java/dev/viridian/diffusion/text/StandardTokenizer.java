package dev.viridian.diffusion.text;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The tokenizer of CLIP ViT-L/14, which all Stable Diffusion 1.x share. It is kept in the jar for
 * models that come without one, as single files do. Stateless.
 */
public final class StandardTokenizer {
  /** Number of its tokens. */
  public static final int SIZE = 49408;

  private static final String VOCABULARY = "vocab.json";
  private static final String MERGES = "merges.txt";
  private static final List<String> FILES =
      List.of(VOCABULARY, MERGES, "special_tokens_map.json", "tokenizer_config.json");

  private StandardTokenizer() {}

  /** Reads it from the jar. */
  public static ClipTokenizer load() {
    return ClipTokenizer.of(VOCABULARY, text(VOCABULARY), MERGES, text(MERGES));
  }

  /**
   * Writes its files.
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

  private static String text(String name) {
    try (InputStream in = open(name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("the jar's " + name + " cannot be read", e);
    }
  }

  private static InputStream open(String name) throws IOException {
    InputStream in = StandardTokenizer.class.getResourceAsStream("clip/" + name);
    if (in == null) {
      throw new IOException("the jar lacks " + name);
    }
    return in;
  }
}
