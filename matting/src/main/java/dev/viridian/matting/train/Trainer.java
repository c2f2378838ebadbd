package dev.viridian.matting.train;

import dev.viridian.diffusion.scheduler.NoiseTable;
import dev.viridian.diffusion.scheduler.SchedulerConfig;
import dev.viridian.diffusion.weights.Component;
import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.io.FileErrors;
import dev.viridian.engine.io.Text;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.optim.AdamW;
import dev.viridian.engine.optim.MovingAverage;
import dev.viridian.engine.random.TorchRandom;
import dev.viridian.matting.loss.AutoencoderLoss;
import dev.viridian.matting.train.LossOptions.Term;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * Trains. Two runs with the same options, model, data and seed end with the same bits, whether they
 * were interrupted and taken up again or not: everything random comes from one generator whose
 * state is in every checkpoint, and the order of the data follows from the seed.
 *
 * <p>In the output folder: {@code checkpoints/STEP/}, {@code scalars.csv}, {@code
 * latents.safetensors} where latents are cached, and at the end the model. For one thread.
 */
public final class Trainer implements AutoCloseable {
  private static final int READ_AHEAD_BATCHES = 3;
  private static final int MOST_NOT_FINITE = 10;

  /**
   * What a run came to.
   *
   * @param skipped samples that were left out
   * @param scaling of the loss; null where it is not scaled
   */
  public record Summary(
      long steps,
      long skipped,
      LossScaler.@Nullable State scaling,
      Map<String, Double> terms,
      Map<String, Double> seconds,
      double waiting) {}

  private final TrainOptions options;
  private final Start start;
  private final Networks networks;
  private final Device device;
  private final Path output;
  private final Path checkpoints;
  private final DataSetFolder data;
  private final TorchRandom random;
  private final List<Optimisation.Group> groups = new ArrayList<>();
  private final Map<String, Tensor> weights = new LinkedHashMap<>();
  private final Optimisation optimisation;
  private final @Nullable MovingAverage average;
  private final @Nullable LossScaler scaler;
  private final Phases phases = new Phases();
  private final Map<String, String> settings;
  private long step;
  private long position;
  private long skipped;

  /**
   * Prepares a run: networks to be trained get their memory, and the checkpoint, if one is given,
   * is taken up.
   *
   * @param start the networks; closed with the trainer, or before this throws
   * @param output exists
   * @param resume a checkpoint's folder, or null
   * @throws InputException if the checkpoint is not of such a run
   */
  public Trainer(
      TrainOptions options, Start start, DataSetFolder data, Path output, @Nullable Path resume) {
    this.options = options;
    this.start = start;
    this.networks = start.networks();
    this.device = start.device();
    this.data = data;
    this.output = output;
    this.checkpoints = output.resolve("checkpoints");
    this.random = start.random();
    networks.train(options.stage()::trains);
    for (Component component : options.stage().trained()) {
      Map<String, Tensor> own = networks.trainedWeights(component);
      weights.putAll(own);
      double rate =
          component == Component.MATTING_HEAD ? options.headLearningRate() : options.learningRate();
      groups.add(new Optimisation.Group(own, options.rate(rate)));
    }
    optimisation =
        new Optimisation(
            groups,
            AdamW.Options.DEFAULT.withWeightDecay(options.weightDecay()),
            options.clipNorm());
    scaler = options.scaler();
    Double decay = options.emaDecay();
    average =
        decay == null
            ? null
            : new MovingAverage(weights, new MovingAverage.Options(decay, 0, 0, false, 1, 2.0 / 3));
    settings = new LinkedHashMap<>(options.settings());
    settings.put("data", data.hash());
    settings.put("model", start.fingerprint());
    try {
      Checkpoint.clean(checkpoints);
      if (resume != null) {
        resume(resume);
      }
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  @SuppressWarnings("try") // the scope closes what is read
  private void resume(Path folder) {
    Checkpoint checkpoint = Checkpoint.read(folder);
    checkpoint.requireSame(folder, settings);
    Checkpoint.loadWeights(folder, weights);
    try (MemoryScope scope = MemoryScope.open()) {
      optimisation.restore(groups, Checkpoint.loadOptimizer(folder, device), checkpoint.counts());
      if (average != null) {
        average.restore(Checkpoint.loadAverages(folder, device), checkpoint.averaged());
      }
    }
    if (scaler != null && checkpoint.scaling() != null) {
      scaler.restore(checkpoint.scaling());
    }
    random.restore(checkpoint.random());
    step = checkpoint.step();
    position = checkpoint.position();
    skipped = checkpoint.skipped();
  }

  /**
   * The checkpoint to go on from.
   *
   * @param asked {@code latest}, or a checkpoint's folder; null for none
   * @return null for a run from the beginning: none was asked for, or {@code latest} where there is
   *     none
   */
  public static @Nullable Path checkpoint(Path output, @Nullable String asked) {
    return Checkpoint.find(output.resolve("checkpoints"), asked);
  }

  /** The checkpoints in an output folder, the oldest first. */
  public static List<Path> checkpoints(Path output) {
    return Checkpoint.all(output.resolve("checkpoints"));
  }

  /** How many steps are made. */
  public long step() {
    return step;
  }

  /**
   * Seconds of each phase so far: {@code data} (samples taken and what is random about them drawn),
   * {@code gradients} (of it {@code batch} and {@code losses}; the rest is the backward pass),
   * {@code optimizer} and others. To be asked on the training thread, or while it waits.
   */
  public Map<String, Double> seconds() {
    return phases.seconds();
  }

  /** How many numbers are trained. */
  public long trainedNumbers() {
    return weights.values().stream().mapToLong(Tensor::elements).sum();
  }

  /**
   * Runs to the last step, writing checkpoints on the way.
   *
   * @throws CancellationException if the thread is interrupted; the last checkpoint stays
   */
  public Summary run(TrainListener listener) {
    boolean encodes = !options.stage().autoencodes();
    List<Term> terms =
        options.losses().weights().entrySet().stream()
            .filter(e -> e.getValue() > 0)
            .map(Map.Entry::getKey)
            .sorted()
            .toList();
    List<String> columns = new ArrayList<>(terms.stream().map(Term::key).toList());
    columns.addAll(List.of("total", "gradient_norm", "learning_rate", "seconds"));
    if (scaler != null) {
      columns.add("loss_scale");
    }
    Map<Term, Double> last = new EnumMap<>(Term.class);
    NoiseTable table =
        NoiseTable.of(SchedulerConfig.parse(start.scheduler().toString(), "scheduler"));
    makeFolder(checkpoints);
    try (LatentCache cache = encodes && options.cacheLatents() ? cache(listener) : null;
        Feed<Sample> feed = feed(cache);
        ScalarLog log = new ScalarLog(output.resolve("scalars.csv"), columns, step)) {
      BatchMaker maker =
          new BatchMaker(
              options, networks.autoencoder(), start.tokenizer(), device, table.size(), cache);
      Accumulation.Evaluation losses = evaluation(options, networks, table);
      Accumulation.Evaluation evaluation =
          batch -> phases.time("losses", () -> losses.apply(batch));
      listener.begins(step, options.steps());
      long before = skipped;
      int notFinite = 0;
      while (step < options.steps()) {
        long began = System.nanoTime();
        List<BatchMaker.Drawn> drawn = phases.time("data", () -> drawAll(maker, feed));
        int greenRows = drawn.stream().mapToInt(BatchMaker.Drawn::greenRows).sum();
        double rate = optimisation.rate(step);
        double scale = scaler == null ? 1 : scaler.scale();
        double norm;
        double total;
        try (Accumulation a =
            phases.time(
                "gradients",
                () ->
                    Accumulation.of(
                        drawn.size(),
                        greenRows,
                        i -> phases.time("batch", () -> maker.make(drawn.get(i))),
                        evaluation,
                        options.losses(),
                        scale))) {
          norm = phases.time("optimizer", () -> optimisation.step(a::gradient, step, scale));
          total = a.total();
          last.putAll(a.terms());
        }
        boolean finite = Double.isFinite(norm);
        notFinite = finite ? 0 : notFinite + 1;
        if (finite && average != null) {
          phases.run("average", average::step);
        }
        boolean on = scaler == null ? notFinite < MOST_NOT_FINITE : scaler.update(finite);
        if (!on) {
          throw new InputException(
              "gradients were not finite in "
                  + notFinite
                  + " steps in a row, at step "
                  + step
                  + (scaler == null
                      ? "; a lower --learning-rate may help"
                      : ", however small the loss is made; --mixed-precision bf16, or a lower"
                          + " --learning-rate, may help"));
        }
        step++;
        position = feed.position();
        skipped = before + feed.skipped();
        List<Double> row = new ArrayList<>(terms.stream().map(last::get).toList());
        row.addAll(List.of(total, norm, rate, (System.nanoTime() - began) * 1e-9));
        if (scaler != null) {
          row.add(scale);
        }
        log.row(step, row);
        listener.step(step, total);
        if (step % options.checkpointEvery() == 0 || step == options.steps()) {
          phases.run("checkpoint", this::checkpoint);
          listener.checkpoint(step, checkpoints.resolve(Long.toString(step)));
        }
        if (Thread.interrupted()) {
          throw new CancellationException("interrupted");
        }
      }
      Map<String, Double> values = new LinkedHashMap<>();
      last.forEach((term, value) -> values.put(term.key(), value));
      return new Summary(
          step,
          skipped,
          scaler == null ? null : scaler.state(),
          values,
          phases.seconds(),
          feed.waitedNanos() * 1e-9);
    }
  }

  private List<BatchMaker.Drawn> drawAll(BatchMaker maker, Feed<Sample> feed) {
    List<BatchMaker.Drawn> drawn = new ArrayList<>();
    for (int i = 0; i < options.accumulation(); i++) {
      drawn.add(maker.draw(feed, random));
    }
    return drawn;
  }

  /** The losses of a micro-batch. */
  static Accumulation.Evaluation evaluation(
      TrainOptions options, Networks networks, NoiseTable table) {
    if (!options.stage().autoencodes()) {
      return new Objective(networks, table, options.losses(), options.recompute())::of;
    }
    return batch -> {
      AutoencoderLoss.Parts parts =
          AutoencoderLoss.of(
              networks.autoencoder(),
              Objects.requireNonNull(batch.pictures()),
              batch.posteriorNoise(),
              options.losses().weight(Term.KL));
      Map<Term, Tensor> terms = new EnumMap<>(Term.class);
      terms.put(Term.RECONSTRUCTION, parts.l1());
      terms.put(Term.KL, parts.kl());
      return new Objective.Result(terms, 0, null, null, List.of(), null);
    };
  }

  private LatentCache cache(TrainListener listener) {
    int n = data.entries().size();
    String key = data.hash() + " " + options.resolution() + " " + start.fingerprint();
    return phases.time(
        "encoding",
        () ->
            LatentCache.open(
                output.resolve("latents.safetensors"),
                key,
                new LatentCache.Source(data, networks.autoencoder(), device, options.resolution()),
                done -> listener.encoded(done, n)));
  }

  private Feed<Sample> feed(@Nullable LatentCache cache) {
    boolean masks = options.losses().needsMasks();
    boolean pictures = cache == null || options.losses().needsPictures();
    return new Feed<>(
        data.entries().size(),
        options.seed(),
        position,
        index -> {
          DataSetFolder.Entry entry = data.entries().get(index);
          if (pictures || (cache != null && !cache.has(index))) {
            return Sample.read(entry, options.resolution(), options.crop(), masks);
          }
          return Sample.readAlpha(entry, options.resolution(), masks);
        },
        options.workers(),
        READ_AHEAD_BATCHES * options.batch() * options.accumulation(),
        options.skipBad());
  }

  private static void makeFolder(Path folder) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new InputException(
          Text.line(folder.toString()) + ": cannot be written: " + FileErrors.reason(e), e);
    }
  }

  private void checkpoint() {
    new Checkpoint(
            step,
            position,
            skipped,
            random.state(),
            optimisation.steps(),
            average == null ? 0 : average.steps(),
            scaler == null ? null : scaler.state(),
            settings)
        .write(
            checkpoints,
            weights,
            optimisation.state(),
            average == null ? Map.of() : average.shadows(),
            options.keepCheckpoints());
  }

  /**
   * Writes the model as it is now, with the moving averages in place of the weights if there are
   * any.
   */
  public void writeModel() {
    if (average != null) {
      average.swap(); // what is measured of a model is measured of the one that is written
    }
    try {
      start.write(output, data, options);
    } finally {
      if (average != null) {
        average.swap();
      }
    }
  }

  /** Closes networks and optimiser. */
  @Override
  public void close() {
    optimisation.close();
    if (average != null) {
      average.close();
    }
    start.close();
  }
}
