package dev.viridian.matting.cli;

import dev.viridian.matting.train.TrainListener;
import dev.viridian.matting.train.TrainOptions;
import dev.viridian.matting.train.Trainer;
import java.io.PrintStream;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Shows how a run goes, in images, and makes the validation pictures at checkpoints. */
final class TrainProgress implements TrainListener, AutoCloseable {
  private final PrintStream err;
  private final Trainer trainer;
  private final long images;
  private final ValidationPictures validation;
  private @Nullable Progress bar;
  private boolean encoding;
  private long first;

  TrainProgress(
      PrintStream err, Trainer trainer, TrainOptions options, ValidationPictures validation) {
    this.err = err;
    this.trainer = trainer;
    this.images = (long) options.batch() * options.accumulation();
    this.validation = validation;
  }

  @Override
  public void encoded(int pictures, int of) {
    if (!encoding) {
      encoding = true;
      bar = Progress.start(err, "encoding", "images", of);
    }
    to(pictures);
  }

  @Override
  public void begins(long step, long of) {
    finish();
    first = step;
    bar = Progress.start(err, "training", "images", (of - step) * images);
  }

  @Override
  public void step(long step, double loss) {
    to((step - first) * images);
  }

  @Override
  public void checkpoint(long step, Path folder) {
    if (!validation.isEmpty()) {
      trainer.writeModel();
      validation.make(step);
    }
  }

  private void to(long done) {
    if (bar != null) {
      bar.to(done);
    }
  }

  @Override
  public void close() {
    finish();
  }

  /** Ends the bar that is shown. */
  void finish() {
    if (bar != null) {
      bar.close();
      bar = null;
    }
  }
}
