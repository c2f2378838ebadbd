package dev.viridian.diffusion.weights;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.FileErrors;
import dev.viridian.engine.io.Text;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The cache of Hugging Face's tools, read only; nothing is downloaded. An entry is a folder {@code
 * models--ORG--NAME} with {@code refs/main}, which names the folder under {@code snapshots/} that
 * is current.
 */
public final class HubCache {
  private static final Pattern NAME = Pattern.compile("[\\w.-]+/[\\w.-]+");

  private HubCache() {}

  /**
   * Where the cache lies: {@code HF_HUB_CACHE}, else {@code HF_HOME/hub}, else {@code
   * HOME/.cache/huggingface/hub}.
   *
   * @param environment gives the value of a variable, or null
   * @param home the user's own folder
   */
  public static Path root(UnaryOperator<@Nullable String> environment, Path home) {
    String cache = environment.apply("HF_HUB_CACHE");
    if (cache != null && !cache.isBlank()) {
      return Path.of(cache);
    }
    String base = environment.apply("HF_HOME");
    return (base != null && !base.isBlank() ? Path.of(base) : home.resolve(".cache/huggingface"))
        .resolve("hub");
  }

  /**
   * The file or folder that a model's name means: a path, or {@code ORG/NAME} of a model in the
   * cache. A path that exists comes first.
   *
   * @throws InputException if there is neither
   */
  public static Path locate(String model, Path root) {
    Path path = Path.of(model);
    if (Files.exists(path)) {
      return path;
    }
    if (!NAME.matcher(model).matches() || model.contains("..")) {
      throw new InputException(Text.line(model) + ": no such file or folder");
    }
    Path entry = root.resolve("models--" + model.replace("/", "--"));
    if (!Files.isDirectory(entry)) {
      throw new InputException(
          Text.line(model) + ": no such file or folder, and no model of that name at " + entry);
    }
    return snapshot(entry);
  }

  /** Whether a folder is a model's entry in the cache. */
  static boolean isEntry(Path folder) {
    return String.valueOf(folder.getFileName()).startsWith("models--")
        && Files.isDirectory(folder.resolve("snapshots"));
  }

  /** The current snapshot of an entry. */
  static Path snapshot(Path entry) {
    Path ref = entry.resolve("refs/main");
    Path snapshots = entry.resolve("snapshots");
    try {
      if (Files.isRegularFile(ref) && Files.size(ref) < 256) {
        String revision = Files.readString(ref).strip();
        Path folder = snapshots.resolve(revision);
        if (revision.matches("[\\w.-]+") && Files.isDirectory(folder)) {
          return folder;
        }
      }
      if (Files.isDirectory(snapshots)) {
        try (Stream<Path> list = Files.list(snapshots)) {
          List<Path> all = list.filter(Files::isDirectory).toList();
          if (all.size() == 1) {
            return all.getFirst();
          }
        }
      }
    } catch (IOException e) {
      throw new InputException(entry + ": cannot be read: " + FileErrors.reason(e), e);
    }
    throw new InputException(
        entry + ": refs/main names no folder under snapshots/; is the download complete?");
  }
}
