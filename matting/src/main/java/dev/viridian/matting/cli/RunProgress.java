package dev.viridian.matting.cli;

import dev.viridian.diffusion.pipeline.GenerationListener;
import dev.viridian.engine.Tensor;
import java.io.PrintStream;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Shows a run's phases, one bar after the other, and times them. */
final class RunProgress implements GenerationListener, AutoCloseable {
  private final PrintStream err;
  private final String suffix;
  private final RunRecord record;
  private @Nullable Phase phase;
  private @Nullable Progress bar;

  RunProgress(PrintStream err, String suffix, RunRecord record) {
    this.err = err;
    this.suffix = suffix;
    this.record = record;
  }

  @Override
  public void progress(Phase now, int step, int steps, @Nullable Tensor preview) {
    if (now != phase) {
      close();
      phase = now;
      record.begin(now);
      if (now == Phase.DENOISE) {
        bar = Progress.start(err, now.name().toLowerCase(Locale.ROOT) + suffix, "steps", steps);
      }
    }
    if (bar != null) {
      bar.to(step);
    }
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
      bar = null;
    }
    phase = null;
  }
}
