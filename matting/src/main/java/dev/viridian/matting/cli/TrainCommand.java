package dev.viridian.matting.cli;

import dev.viridian.diffusion.weights.HubCache;
import dev.viridian.diffusion.weights.MattingHeadConfig;
import dev.viridian.diffusion.weights.ModelConfigs;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.engine.io.FileErrors;
import dev.viridian.engine.io.Text;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.CpuOptions;
import dev.viridian.matting.train.DataSetFolder;
import dev.viridian.matting.train.LossOptions;
import dev.viridian.matting.train.LossReport;
import dev.viridian.matting.train.LossScaler;
import dev.viridian.matting.train.MemoryNeed;
import dev.viridian.matting.train.Stage;
import dev.viridian.matting.train.Start;
import dev.viridian.matting.train.TrainOptions;
import dev.viridian.matting.train.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code train}: the stages of DiffuMatting's training. */
@Command(
    name = "train",
    description = {
      "Train DiffuMatting on a data set folder.",
      "The output folder becomes a model; it can be interrupted and resumed at any time."
    })
final class TrainCommand implements Callable<Integer> {
  @ParentCommand private @Nullable Main main;
  @Spec private @Nullable CommandSpec spec;
  @Mixin private TrainFlags flags = new TrainFlags();
  @Mixin private LossFlags lossFlags = new LossFlags();

  @Override
  public Integer call() {
    if (main == null || spec == null) {
      throw new IllegalStateException("picocli did not inject the parent command");
    }
    Checks checks = new Checks(spec);
    TrainOptions options = check(checks);
    DataSetFolder data = DataSetFolder.open(flags.data);
    prepareOutput(checks);
    Path resume = Trainer.checkpoint(flags.output, flags.resume);
    DType compute = options.compute();
    try (Device device = Devices.open(flags.device, compute, () -> cpu(compute), main.err())) {
      Start start = start(checks, options.stage(), device);
      MemoryNeed need = checkMemory(options, start, device);
      try (Trainer trainer = new Trainer(options, start, data, flags.output, resume);
          TrainProgress progress =
              new TrainProgress(
                  main.err(), trainer, options, new ValidationPictures(flags, device))) {
        Trainer.Summary summary = trainer.run(progress);
        progress.finish();
        trainer.writeModel();
        report(options, summary, trainer, need, device);
      }
    }
    return Main.OK;
  }

  private Device cpu(DType compute) {
    if (compute == DType.F16) {
      throw new InputException(
          "--mixed-precision fp16 needs a CUDA device; on the CPU use --mixed-precision bf16");
    }
    return Device.cpu(new CpuOptions(flags.threads, Map.of()), compute);
  }

  private DType compute(Checks checks) {
    if (!LossScaler.isScale(flags.lossScale)) {
      throw checks.wrong(
          "--loss-scale is "
              + flags.lossScale
              + ", expected a power of 2, at most "
              + (long) LossScaler.MOST);
    }
    return switch (checks.choice(
        "--mixed-precision", flags.mixedPrecision, List.of("no", "bf16", "fp16", "f16"))) {
      case "bf16" -> DType.BF16;
      case "fp16", "f16" -> DType.F16;
      default -> DType.F32;
    };
  }

  private TrainOptions check(Checks checks) {
    CommandSpec command = Objects.requireNonNull(spec);
    checks.ranges(command);
    checks.paths(command);
    List<String> names = Arrays.stream(Stage.values()).map(Stage::key).toList();
    String key = checks.choice("--stage", flags.stage, names);
    Stage stage = Stage.values()[names.indexOf(key)];
    flags.device = Devices.check(checks, flags.device);
    String schedule =
        checks.choice("--lr-scheduler", flags.schedule, List.of("constant", "linear", "cosine"));
    if (flags.cacheLatents && (stage == Stage.VAE || stage == Stage.DECODER || flags.crop)) {
      throw checks.wrong(
          "--cache-latents does not go with "
              + (flags.crop ? "--random-crop" : "--stage " + stage.key())
              + ": there is nothing that stays the same");
    }
    double rate = flags.learningRate == null ? stage.learningRate() : flags.learningRate;
    rate(checks, "--learning-rate", rate);
    rate(checks, "--head-learning-rate", flags.headLearningRate);
    double clip =
        flags.clip == null ? (stage == Stage.VAE || stage == Stage.DECODER ? 0 : 1) : flags.clip;
    if (!(clip >= 0 && Double.isFinite(clip))) {
      throw checks.wrong("--max-grad-norm is " + clip + ", expected a number from 0");
    }
    LossOptions losses = lossFlags.losses(checks, stage);
    return new TrainOptions(
        stage,
        flags.resolution,
        flags.batch,
        flags.accumulation,
        flags.steps,
        flags.seed,
        rate,
        stage == Stage.HEAD && flags.learningRate != null ? rate : flags.headLearningRate,
        schedule,
        flags.warmup,
        flags.weightDecay,
        clip,
        flags.captionDropout,
        flags.flip,
        flags.crop,
        flags.cacheLatents,
        flags.recompute,
        compute(checks),
        flags.lossScale,
        flags.ema ? flags.emaDecay : null,
        losses,
        flags.greenSuffix.equals("none") ? "" : flags.greenSuffix,
        flags.skipBad,
        flags.workers,
        flags.checkpointing,
        flags.keep);
  }

  private static void rate(Checks checks, String flag, double value) {
    if (!(value >= 0 && value <= 1)) {
      throw checks.wrong(flag + " is " + value + ", expected a number from 0 to 1");
    }
  }

  private void prepareOutput(Checks checks) {
    String name = Text.line(flags.output.toString());
    try {
      if (Files.exists(flags.output) && !Files.isDirectory(flags.output)) {
        throw new InputException(name + ": is a file, expected the name of a folder");
      }
      boolean taken =
          Files.exists(flags.output.resolve("model_index.json"))
              || !Trainer.checkpoints(flags.output).isEmpty();
      if (taken && flags.resume == null && !flags.overwrite) {
        throw new InputException(
            name
                + ": has a model or checkpoints already; --resume-from-checkpoint latest goes on,"
                + " --overwrite begins anew");
      }
      if (flags.model != null
          && Files.exists(flags.output)
          && Files.exists(Path.of(flags.model))
          && Files.isSameFile(flags.output, Path.of(flags.model))) {
        throw checks.wrong("--output is the folder of --model, expected another");
      }
      Files.createDirectories(flags.output);
    } catch (IOException e) {
      throw new InputException(name + ": cannot be written: " + FileErrors.reason(e), e);
    }
  }

  private Start start(Checks checks, Stage stage, Device device) {
    ModelConfigs configs = flags.config == null ? null : configs(flags.config);
    ModelFiles files = flags.model == null ? null : ModelFiles.open(locate(flags.model));
    MattingHeadConfig head = null;
    if (files != null || configs != null) {
      ModelConfigs shapes = files == null ? configs : files.configs();
      head =
          lossFlags.head(
              checks, Objects.requireNonNull(shapes).vae().blockOutChannels().getFirst());
    }
    return Start.of(stage, files, configs, head, device, flags.seed);
  }

  /** Refuses a run that cannot fit, before it takes its memory. */
  private static MemoryNeed checkMemory(TrainOptions options, Start start, Device device) {
    try {
      MemoryNeed need = MemoryNeed.of(options, start);
      double free = MemoryEstimate.available(device);
      if (free > 0 && need.bytes() > free + device.allocator().usage().used()) {
        throw new InputException(
            String.format(
                Locale.ROOT,
                "not enough memory: training needs %.1f GB, %.1f GB are free;"
                    + " --gradient-checkpointing, a smaller --train-batch-size (with"
                    + " --gradient-accumulation-steps) or --resolution needs less",
                need.bytes() / 1e9,
                free / 1e9));
      }
      return need;
    } catch (RuntimeException | Error e) {
      start.close();
      throw e;
    }
  }

  private static ModelConfigs configs(String name) {
    return name.equals("small") ? ModelConfigs.small() : ModelConfigs.read(Path.of(name));
  }

  private static Path locate(String model) {
    Path path = Path.of(model);
    if (Files.exists(path) || !model.matches("[\\w.-]+/[\\w.-]+")) {
      return path;
    }
    return HubCache.locate(
        model, HubCache.root(System::getenv, Path.of(System.getProperty("user.home"))));
  }

  private void report(
      TrainOptions options,
      Trainer.Summary summary,
      Trainer trainer,
      MemoryNeed need,
      Device device) {
    Main console = Objects.requireNonNull(main);
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("output", flags.output.toString());
    result.put("steps", summary.steps());
    result.put("trained_numbers", trainer.trainedNumbers());
    result.put("skipped", summary.skipped());
    LossScaler.State scaling = summary.scaling();
    if (scaling != null) {
      result.put("steps_left_out", scaling.skipped());
      result.put("loss_scale", scaling.scale());
    }
    result.put("losses", summary.terms());
    result.put("seconds", summary.seconds());
    result.put("waiting_for_data", summary.waiting());
    result.put("estimated_bytes", need.working());
    result.put("peak_bytes", device.allocator().usage().peak());
    Map<String, String> facts = new LinkedHashMap<>();
    options.settings().forEach((name, value) -> facts.put("--" + name, value));
    result.forEach((name, value) -> facts.put(name.replace('_', ' '), String.valueOf(value)));
    LossReport.write(flags.output, facts);
    CommandSpec command = Objects.requireNonNull(spec);
    if (console.json()) {
      Json.print(command.commandLine().getOut(), result);
      return;
    }
    StringBuilder line = new StringBuilder();
    summary
        .seconds()
        .forEach((phase, s) -> line.append(String.format(Locale.ROOT, " %s %.1f s", phase, s)));
    console
        .err()
        .printf(
            Locale.ROOT,
            "train: %s is written; %d steps of stage %s;%s; waited %.1f s for data%s%s%n",
            flags.output,
            summary.steps(),
            options.stage().key(),
            line,
            summary.waiting(),
            summary.skipped() > 0 ? "; " + summary.skipped() + " bad samples skipped" : "",
            scaling != null && scaling.skipped() > 0
                ? "; " + scaling.skipped() + " steps left out, gradients were not finite"
                : "");
  }
}
