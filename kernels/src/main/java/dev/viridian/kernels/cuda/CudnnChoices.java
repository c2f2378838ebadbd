package dev.viridian.kernels.cuda;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which algorithm of cuDNN is fastest for a shape, kept in a file for each device and version: a
 * line is {@code shape = algorithm workspace}. A file that cannot be read is told in one line and
 * made anew; one that cannot be written costs the search the next time.
 */
final class CudnnChoices {
  /** The property that names the folder of the files; else .cache/viridian in the home folder. */
  static final String FOLDER = "viridian.cuda.cache";

  private static final System.Logger LOG = System.getLogger(CudnnChoices.class.getName());
  private static final String FIRST = "viridian cudnn choices 2";
  private static final String LAST = "end";

  private final Path file;
  private final Map<String, CudaDnn.Choice> known = new LinkedHashMap<>();
  private boolean writes = true;

  private CudnnChoices(Path file) {
    this.file = file;
  }

  /** Those of a device and version. */
  static CudnnChoices of(String device, long version) {
    String named = System.getProperty(FOLDER);
    Path folder =
        named != null
            ? Path.of(named)
            : Path.of(System.getProperty("user.home"), ".cache", "viridian");
    String name = device.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-");
    return in(folder.resolve("cudnn-" + version + "-" + name + ".txt"));
  }

  /** Those in a file. */
  static CudnnChoices in(Path file) {
    CudnnChoices choices = new CudnnChoices(file);
    try {
      choices.read(Files.readAllLines(file, StandardCharsets.UTF_8));
    } catch (NoSuchFileException e) {
      // the first time
    } catch (IOException | IllegalArgumentException e) {
      choices.known.clear();
      LOG.log(
          System.Logger.Level.WARNING,
          file + " is not a list of cuDNN's algorithms and is made anew: " + e.getMessage());
    }
    return choices;
  }

  private void read(List<String> lines) {
    if (lines.size() < 2 || !lines.getFirst().equals(FIRST) || !lines.getLast().equals(LAST)) {
      throw new IllegalArgumentException("it is not whole");
    }
    for (String line : lines.subList(1, lines.size() - 1)) {
      String[] sides = line.split(" = ", -1);
      String[] numbers = sides.length == 2 ? sides[1].split(" ") : new String[0];
      if (numbers.length != 2) {
        throw new IllegalArgumentException("the line '" + line + "'");
      }
      long workspace = Long.parseLong(numbers[1]);
      if (workspace < 0) {
        throw new IllegalArgumentException("the line '" + line + "'");
      }
      known.put(sides[0], new CudaDnn.Choice(Integer.parseInt(numbers[0]), workspace));
    }
  }

  CudaDnn.@Nullable Choice find(String shape) {
    return known.get(shape);
  }

  /** Adds a choice and writes the file: beside it first, then in its place. */
  void add(String shape, CudaDnn.Choice choice) {
    known.put(shape, choice);
    if (!writes) {
      return;
    }
    StringBuilder text = new StringBuilder(FIRST).append('\n');
    known.forEach(
        (s, c) ->
            text.append(s)
                .append(" = ")
                .append(c.algorithm())
                .append(' ')
                .append(c.workspace())
                .append('\n'));
    text.append(LAST).append('\n');
    try {
      Path folder = Files.createDirectories(file.toAbsolutePath().getParent());
      Path made = Files.createTempFile(folder, "cudnn", ".new");
      Files.writeString(made, text, StandardCharsets.UTF_8);
      Files.move(made, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      writes = false;
      LOG.log(
          System.Logger.Level.WARNING,
          file + " cannot be written, cuDNN's algorithms are searched again next time: " + e);
    }
  }
}
