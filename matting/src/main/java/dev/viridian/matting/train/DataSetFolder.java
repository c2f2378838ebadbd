package dev.viridian.matting.train;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.FileErrors;
import dev.viridian.engine.io.Text;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A data set in Hugging Face's imagefolder form: {@code metadata.jsonl} with a line for each
 * picture: {@code file_name}, {@code alpha_file_name} and {@code text}, the files relative to the
 * folder. Immutable.
 *
 * @param hash tells data sets apart: SHA-256 of the metadata
 */
public record DataSetFolder(Path folder, List<Entry> entries, String hash) {
  private static final String METADATA = "metadata.jsonl";

  /**
   * A picture.
   *
   * @param image the picture on its background
   * @param alpha its mask, or null where the line has none
   * @param text its caption
   */
  public record Entry(Path image, @Nullable Path alpha, String text) {}

  /** Copies the list. */
  public DataSetFolder {
    entries = List.copyOf(entries);
  }

  /**
   * Reads the metadata; pictures are looked at when their turn comes.
   *
   * @throws InputException if there is none, or a line is not what it should be
   */
  public static DataSetFolder open(Path folder) {
    Path file = folder.resolve(METADATA);
    String name = Text.line(file.toString());
    List<String> lines;
    byte[] bytes;
    try {
      bytes = Files.readAllBytes(file);
      lines = Files.readAllLines(file);
    } catch (IOException e) {
      throw new InputException(
          name
              + ": cannot be read: "
              + FileErrors.reason(e)
              + "; expected a data set folder, such as 'viridian dataset procedural' writes",
          e);
    }
    List<Entry> entries = new ArrayList<>();
    for (int i = 0; i < lines.size(); i++) {
      if (!lines.get(i).isBlank()) {
        entries.add(entry(folder, name + " line " + (i + 1), lines.get(i)));
      }
    }
    if (entries.isEmpty()) {
      throw new InputException(name + ": has no pictures");
    }
    return new DataSetFolder(folder, entries, hash(bytes));
  }

  private static Entry entry(Path folder, String where, String line) {
    JsonNode node;
    try {
      node = JsonMapper.shared().readTree(line);
    } catch (JacksonException e) {
      throw new InputException(where + ": is not sound JSON", e);
    }
    Path image = path(folder, where, node, "file_name");
    JsonNode text = node.path("text");
    if (image == null || !text.isString()) {
      throw new InputException(
          where + ": has no " + (image == null ? "file_name" : "text") + ", expected one");
    }
    return new Entry(image, path(folder, where, node, "alpha_file_name"), text.asString());
  }

  private static @Nullable Path path(Path folder, String where, JsonNode node, String key) {
    JsonNode value = node.path(key);
    if (!value.isString()) {
      return null;
    }
    try {
      Path inside = folder.resolve(value.asString()).normalize();
      if (inside.startsWith(folder.normalize())) {
        return inside;
      }
    } catch (InvalidPathException e) {
      throw new InputException(where + ": " + key + " is no path: " + e.getReason(), e);
    }
    throw new InputException(where + ": " + key + " lies outside the data set's folder");
  }

  private static String hash(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java platform has it
    }
  }
}
