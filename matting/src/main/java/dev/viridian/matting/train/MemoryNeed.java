package dev.viridian.matting.train;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.scheduler.NoiseTable;
import dev.viridian.diffusion.scheduler.SchedulerConfig;
import dev.viridian.diffusion.text.ClipTokenizer;
import dev.viridian.diffusion.text.TokenizedPrompt;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.diffusion.weights.Component;
import dev.viridian.diffusion.weights.ModelConfigs;
import dev.viridian.engine.Device;
import dev.viridian.engine.DryRun;
import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.Parameter;
import dev.viridian.engine.ops.Contiguous;
import dev.viridian.engine.optim.AdamW;
import dev.viridian.engine.optim.LearningRateSchedule;
import dev.viridian.engine.optim.MovingAverage;
import dev.viridian.kernels.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * What a run will need, beside the Java heap: two of its steps are gone through on a device that
 * computes nothing and counts. The second has all of the optimiser's state.
 *
 * @param working the most that is in use at once
 * @param mapped weights that lie in files as they are used
 */
public record MemoryNeed(long working, long mapped) {
  private static final String CAPTION = "a green screen background";

  /** Both together. */
  public long bytes() {
    return working + mapped;
  }

  /** Goes through two steps of a run. */
  public static MemoryNeed of(TrainOptions options, Start start) {
    NoiseTable table =
        NoiseTable.of(SchedulerConfig.parse(start.scheduler().toString(), "scheduler"));
    Networks networks = start.networks();
    return of(
        options,
        networks.configs(),
        (component, name) ->
            Objects.requireNonNull(networks.module(component).parameters().get(name))
                .value()
                .dtype(),
        table,
        start.tokenizer().encode(CAPTION),
        options.compute() == DType.BF16 && start.device().readsHostMemory());
  }

  /** Goes through two steps of a run of any shape whose weights are F32, before there are any. */
  public static MemoryNeed of(TrainOptions options, ModelConfigs configs) {
    return of(
        options,
        configs,
        (component, name) -> DType.F32,
        NoiseTable.of(SchedulerConfig.parse(ModelConfigs.scheduler().toString(), "scheduler")),
        ClipTokenizer.standard().encode(CAPTION),
        options.compute() == DType.BF16);
  }

  /**
   * Goes through two steps of a run of any shape, without its weights.
   *
   * @param types what the file has each parameter in
   * @param caption that has the word "green", or not, as the captions will
   * @param rounds whether the device is a CPU that rounds factors
   */
  @SuppressWarnings("try") // scopes close what the steps make
  static MemoryNeed of(
      TrainOptions options,
      ModelConfigs configs,
      BiFunction<Component, String, DType> types,
      NoiseTable table,
      TokenizedPrompt caption,
      boolean rounds) {
    try (DryRun run = new DryRun(rounds)) {
      Networks networks = new Networks(configs);
      long mapped = bind(networks, types, options, run);
      List<Optimisation.Group> groups = new ArrayList<>();
      LearningRateSchedule rate = LearningRateSchedule.constant(0);
      for (Component component : options.stage().trained()) {
        groups.add(new Optimisation.Group(networks.trainedWeights(component), rate));
      }
      Accumulation.Evaluation evaluation = Trainer.evaluation(options, networks, table);
      int rows = caption.greenPositions().length > 0 ? options.batch() * options.accumulation() : 0;
      try (Optimisation optimisation =
              new Optimisation(groups, AdamW.Options.DEFAULT, options.clipNorm());
          @Nullable MovingAverage average = average(options, groups)) {
        for (int step = 0; step < 2; step++) {
          try (Accumulation a =
              Accumulation.of(
                  Math.min(2, options.accumulation()),
                  rows,
                  i -> batch(options, networks, run.device(), caption),
                  evaluation,
                  options.losses())) {
            optimisation.step(a::gradient, step);
          }
        }
      } finally {
        networks.close();
      }
      return new MemoryNeed(run.peak(), mapped);
    }
  }

  private static @Nullable MovingAverage average(
      TrainOptions options, List<Optimisation.Group> groups) {
    if (options.emaDecay() == null) {
      return null;
    }
    Map<String, Tensor> all = new LinkedHashMap<>();
    groups.forEach(group -> all.putAll(group.parameters()));
    return new MovingAverage(all, MovingAverage.Options.DEFAULT);
  }

  /** Gives the networks memory that is counted where a run makes its own; returns the rest. */
  private static long bind(
      Networks networks,
      BiFunction<Component, String, DType> types,
      TrainOptions options,
      DryRun run) {
    long mapped = 0;
    for (Component component : networks.components()) {
      for (Map.Entry<String, Parameter> e : networks.module(component).parameters().entrySet()) {
        boolean trained = options.stage().trains(component, e.getKey());
        DType type = trained ? DType.F32 : types.apply(component, e.getKey());
        TensorSpec spec = new TensorSpec(e.getValue().shape(), type);
        boolean counted = trained || turned(e.getValue());
        try (MemoryScope scope = MemoryScope.open()) {
          Tensor bound = counted ? Tensor.empty(run.device(), spec) : run.borrowed(spec);
          e.getValue().bind(scope.detach(bound).requireGradient(trained));
        }
        mapped += counted ? 0 : spec.bytes();
      }
    }
    return mapped;
  }

  /** Whether a weight lies otherwise in memory than in files. */
  private static boolean turned(Parameter parameter) {
    Shape shape = parameter.fileShape();
    return parameter.form() == Parameter.Form.CONVOLUTION
        && shape.range(2, 4) > 1
        && shape.dim(1) > 1;
  }

  private static Batch batch(
      TrainOptions options, Networks networks, Device device, TokenizedPrompt caption) {
    int b = options.batch();
    Autoencoder autoencoder = networks.autoencoder();
    int side = options.resolution();
    int h = side / autoencoder.config().pixelsPerLatent();
    int c = autoencoder.config().latentChannels();
    boolean vae = options.stage().autoencodes();
    boolean cached = options.cacheLatents();
    Shape latents = Shape.of(b, h, h, c);
    Tensor pictures =
        cached && !options.losses().needsPictures() ? null : empty(device, b, side, side, 3);
    Tensor mask = options.losses().needsMasks() ? empty(device, b, side, side, 1) : null;
    Tensor noise = empty(device, latents.sizes());
    Tensor posterior = empty(device, latents.sizes());
    Tensor mean;
    Tensor logVariance;
    if (vae || cached || pictures == null) {
      mean = vae ? noise : empty(device, latents.sizes());
      logVariance = vae ? noise : empty(device, latents.sizes());
    } else {
      try (MemoryScope scope = MemoryScope.open()) {
        Autoencoder.Distribution d = autoencoder.encode(pictures, LayerObserver.NONE);
        mean = scope.keep(Contiguous.of(d.mean()));
        logVariance = scope.keep(Contiguous.of(d.logVariance()));
      }
    }
    long[][] ids = new long[b][];
    int[][] green = new int[b][];
    for (int i = 0; i < b; i++) {
      ids[i] = Arrays.stream(caption.ids()).asLongStream().toArray();
      green[i] = caption.greenPositions();
    }
    return new Batch(pictures, mask, mean, logVariance, posterior, noise, new int[b], ids, green);
  }

  private static Tensor empty(Device device, long... sizes) {
    return Tensor.empty(device, new TensorSpec(Shape.of(sizes), DType.F32));
  }
}
