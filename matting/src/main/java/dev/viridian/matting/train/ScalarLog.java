package dev.viridian.matting.train;

import dev.viridian.engine.io.FileErrors;
import dev.viridian.engine.io.Text;
import dev.viridian.engine.io.WriteException;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A table of numbers by step, as CSV; a run that is taken up goes on with it. For one thread. */
final class ScalarLog implements AutoCloseable {
  private final Path path;
  private final Writer writer;
  private final int columns;

  /**
   * Opens the table; rows after a step are dropped, since they will come again.
   *
   * @param columns beside the step
   */
  ScalarLog(Path path, List<String> columns, long step) {
    this.path = path;
    this.columns = columns.size();
    List<String> lines = new ArrayList<>(List.of("step," + String.join(",", columns)));
    try {
      if (step > 0 && Files.exists(path)) {
        for (String line : Files.readAllLines(path)) {
          String number = line.split(",", 2)[0];
          if (number.matches("\\d{1,18}") && Long.parseLong(number) <= step) {
            lines.add(line);
          }
        }
      }
      Files.write(path, lines);
      writer = Files.newBufferedWriter(path, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw failure(e);
    }
  }

  /** Adds a row. */
  void row(long step, List<Double> values) {
    if (values.size() != columns) {
      throw new IllegalArgumentException(values.size() + " values for " + columns + " columns");
    }
    StringBuilder line = new StringBuilder(Long.toString(step));
    for (double value : values) {
      line.append(String.format(Locale.ROOT, ",%.9g", value));
    }
    try {
      writer.write(line.append('\n').toString());
      writer.flush();
    } catch (IOException e) {
      throw failure(e);
    }
  }

  private WriteException failure(IOException e) {
    return new WriteException(
        Text.line(path.toString()) + ": cannot be written: " + FileErrors.reason(e), e);
  }

  @Override
  public void close() {
    try {
      writer.close();
    } catch (IOException e) {
      throw failure(e);
    }
  }
}
