package dev.viridian.bench.work;

import dev.viridian.diffusion.weights.ModelConfigs;
import dev.viridian.engine.Device;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.cpu.CpuKernels;
import dev.viridian.matting.GreenPrompt;
import dev.viridian.matting.data.procedural.ProceduralDataset;
import dev.viridian.matting.data.procedural.ProceduralOptions;
import dev.viridian.matting.train.DataSetFolder;
import dev.viridian.matting.train.LossOptions;
import dev.viridian.matting.train.LossScaler;
import dev.viridian.matting.train.MemoryNeed;
import dev.viridian.matting.train.Stage;
import dev.viridian.matting.train.Start;
import dev.viridian.matting.train.TrainListener;
import dev.viridian.matting.train.TrainOptions;
import dev.viridian.matting.train.Trainer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;

/**
 * Steps of the trainer as {@code viridian train} makes them, reading pictures included: the trainer
 * runs on a thread of its own and waits behind each step until the next is asked for.
 */
public final class TrainWork implements Work {
  private static final int PICTURES = 32;
  private static final double HEAD_RATE = 1e-4;

  /**
   * What is trained.
   *
   * @param side of the pictures in pixels
   * @param checkpointing whether inner values are computed again in the backward pass
   * @param compute F32, or BF16 for mixed precision
   */
  public record Setup(Stage stage, int side, int batch, boolean checkpointing, DType compute) {
    /** Bytes of memory that it takes beside the Java heap, foreseen from the shapes. */
    public long neededBytes(String model) {
      return MemoryNeed.of(options(), Model.configs(model)).bytes();
    }

    /** The trainer's options: those that the command line gives when nothing else is said. */
    TrainOptions options() {
      return new TrainOptions(
          stage,
          side,
          batch,
          1,
          Long.MAX_VALUE,
          0,
          stage.learningRate(),
          HEAD_RATE,
          "constant",
          0,
          1e-2,
          1,
          0.1,
          false,
          false,
          false,
          checkpointing,
          compute,
          LossScaler.INITIAL,
          null,
          LossOptions.of(stage.terms().toArray(LossOptions.Term[]::new)),
          GreenPrompt.SUFFIX,
          false,
          1,
          Long.MAX_VALUE,
          1);
    }
  }

  private final String name;
  private final Thread thread;
  private final Semaphore asked = new Semaphore(0);
  private final BlockingQueue<Object> answers = new LinkedBlockingQueue<>();
  private volatile boolean closed;
  private volatile Map<String, Double> phases = Map.of();

  /**
   * Makes pictures to train on and loads the networks.
   *
   * @param model a model's name, {@link Model#SMALL} to draw the small one at random
   * @param kernels closed with this, or before it throws; may be wrapped, to be watched
   * @param own what is wrapped, or the same
   * @param folder empty, for pictures and what the trainer writes
   */
  public TrainWork(Setup setup, String model, Kernels kernels, CpuKernels own, Path folder) {
    name =
        String.format(
            "train stage %s %s %dx%d batch %d%s%s",
            setup.stage.key(),
            model.equals(Model.FORMULA) ? "sd15" : model,
            setup.side,
            setup.side,
            setup.batch,
            setup.checkpointing ? " checkpointing" : "",
            setup.compute == DType.F32 ? "" : " mixed precision");
    thread =
        Thread.ofPlatform()
            .name("trainer")
            .start(
                () -> {
                  try {
                    train(setup, model, kernels, own, folder);
                  } catch (CancellationException e) {
                    answers.add("closed");
                  } catch (RuntimeException | Error e) {
                    answers.add(e);
                  }
                });
    try {
      answer();
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  private void train(Setup setup, String model, Kernels kernels, CpuKernels own, Path folder) {
    TrainOptions options = setup.options();
    try (Device device = Device.cpu(kernels, own, setup.compute)) {
      DataSetFolder data = data(setup.side, folder.resolve("pictures"));
      Start start = start(setup.stage, model, device);
      try (Trainer trainer = new Trainer(options, start, data, folder.resolve("run"), null)) {
        trainer.run(
            new TrainListener() {
              @Override
              public void begins(long step, long of) {
                next();
              }

              @Override
              public void step(long step, double loss) {
                phases = trainer.seconds();
                next();
              }
            });
      }
    }
  }

  private static Start start(Stage stage, String model, Device device) {
    return model.equals(Model.SMALL)
        ? Start.of(stage, null, ModelConfigs.small(), null, device, 0)
        : Start.of(stage, Model.open(model, DType.F32), null, null, device, 0);
  }

  private static DataSetFolder data(int side, Path folder) {
    int threads = Runtime.getRuntime().availableProcessors();
    ProceduralDataset.write(
        folder,
        new ProceduralDataset.Request(
            PICTURES, side, 0, ProceduralOptions.defaults(), threads, false),
        done -> {});
    return DataSetFolder.open(folder);
  }

  /** On the trainer's thread: says that it got here, and waits. */
  private void next() {
    answers.add("done");
    asked.acquireUninterruptibly();
    if (closed) {
      throw new CancellationException("closed");
    }
  }

  private void answer() {
    Object answer;
    try {
      answer = answers.take();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted");
    }
    if (answer instanceof RuntimeException e) {
      throw e;
    } else if (answer instanceof Error e) {
      throw e;
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public void run() {
    asked.release();
    answer();
  }

  /** What the trainer calls gradients is told apart: batch, losses, backward. */
  @Override
  public Map<String, Double> phases() {
    Map<String, Double> told = new LinkedHashMap<>(phases);
    Double gradients = told.remove("gradients");
    if (gradients != null) {
      double rest = gradients - told.getOrDefault("batch", 0.0) - told.getOrDefault("losses", 0.0);
      told.put("backward", rest);
    }
    return told;
  }

  /** Ends the trainer. */
  @Override
  public void close() {
    closed = true;
    asked.release();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
