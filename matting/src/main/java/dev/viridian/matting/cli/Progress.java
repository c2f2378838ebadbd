package dev.viridian.matting.cli;

import java.io.PrintStream;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.util.Locale;
import java.util.function.LongSupplier;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/**
 * How far a long piece of work is, with rate and time left: a bar that redraws itself where
 * standard error is a terminal, else now and then a line. Work of less than a second leaves no
 * line. {@link #to} may be called from any thread.
 */
final class Progress implements AutoCloseable {
  private static final int WIDTH = 79;
  private static final int REDRAW_MS = 250;
  private static final double SECONDS_BETWEEN_LINES = 10;
  private static final double NANOS = 1e-9;

  private final PrintStream err;
  private final String what;
  private final String unit;
  private final long total;
  private final LongSupplier clock;
  private final long start;
  private final @Nullable ProgressBar bar;
  private long done;
  private long lastLine;

  private Progress(
      PrintStream err, boolean terminal, String what, String unit, long total, LongSupplier clock) {
    this.err = err;
    this.what = what;
    this.unit = unit;
    this.total = total;
    this.clock = clock;
    this.start = clock.getAsLong();
    this.lastLine = start;
    this.bar =
        terminal
            ? new ProgressBarBuilder()
                .setTaskName(what)
                .setInitialMax(total)
                .setUnit(" " + unit, 1)
                .setStyle(ProgressBarStyle.ASCII)
                .setUpdateIntervalMillis(REDRAW_MS)
                .setConsumer(new ConsoleProgressBarConsumer(err, WIDTH))
                .showSpeed(new DecimalFormat("0.00", DecimalFormatSymbols.getInstance(Locale.ROOT)))
                .build()
            : null;
  }

  /**
   * Begins.
   *
   * @param what the work, such as {@code "denoising"}
   * @param unit what is counted, such as {@code "steps"}
   * @param total how many there are
   */
  static Progress start(PrintStream err, String what, String unit, long total) {
    return start(err, isTerminal(), what, unit, total, System::nanoTime);
  }

  /** As {@link #start(PrintStream, String, String, long)}, for tests. */
  static Progress start(
      PrintStream err, boolean terminal, String what, String unit, long total, LongSupplier clock) {
    return new Progress(err, terminal, what, unit, total, clock);
  }

  /** Whether standard error is a terminal: Java cannot tell, so the launcher does. */
  private static boolean isTerminal() {
    return Boolean.getBoolean("viridian.terminal");
  }

  /** So many are done now. */
  synchronized void to(long count) {
    done = count;
    if (bar != null) {
      bar.stepTo(count);
      return;
    }
    long now = clock.getAsLong();
    if ((now - lastLine) * NANOS >= SECONDS_BETWEEN_LINES && count < total) {
      lastLine = now;
      double rate = count / ((now - start) * NANOS);
      double left = (total - count) / rate;
      print(", %.2f %s/s, %s left", rate, unit, Double.isFinite(left) ? time(left) : "unknown");
    }
  }

  /** Ends, whether everything was done or not. */
  @Override
  public synchronized void close() {
    if (bar != null) {
      bar.close();
      return;
    }
    double seconds = (clock.getAsLong() - start) * NANOS;
    if (seconds >= 1) {
      print(" in %s", time(seconds));
    }
  }

  private void print(String format, Object... values) {
    String rest = String.format(Locale.ROOT, format, values);
    err.println(what + ": " + done + "/" + total + " " + unit + rest);
    err.flush();
  }

  private static String time(double seconds) {
    if (seconds < 60) {
      return String.format(Locale.ROOT, "%.1f s", seconds);
    }
    long whole = Math.round(seconds);
    return whole < 3600
        ? String.format(Locale.ROOT, "%d:%02d min", whole / 60, whole % 60)
        : String.format(Locale.ROOT, "%d:%02d h", whole / 3600, whole / 60 % 60);
  }
}
