package dev.viridian.bench;

import dev.viridian.bench.table2.Trials;
import dev.viridian.diffusion.weights.ModelDefaults;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.matting.cli.Checks;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The command line of the ablation. */
final class Table2Run {
  /** The flags. */
  static final class Flags {
    @Option(
        names = "--base",
        required = true,
        paramLabel = "DIR",
        description = "A model that was trained without L_g and L_detail.")
    Path base = Path.of("");

    @Option(
        names = "--data",
        required = true,
        paramLabel = "DIR",
        description = "The data set to train on, on the canvas.")
    Path data = Path.of("");

    @Option(
        names = "--test",
        required = true,
        paramLabel = "DIR",
        description = "What 'dataset procedural --held-out N' wrote, to measure on.")
    Path test = Path.of("");

    @Option(
        names = "--output",
        required = true,
        paramLabel = "DIR",
        description = "Where runs and table2.md go; what is done there is not done again.")
    Path output = Path.of("");

    @Option(
        names = "--steps",
        split = ",",
        paramLabel = "N",
        description = "Of training, after which it is measured; default 200.")
    List<Long> steps = List.of(200L);

    @Option(names = "--seeds", paramLabel = "N", description = "Of each variant, default 3.")
    int seeds = 3;

    @Option(names = "--batch", paramLabel = "N", description = "Of training, default 16.")
    int batch = 16;

    @Option(names = "--learning-rate", paramLabel = "X", description = "Default 1e-4.")
    double learningRate = 1e-4;

    @Option(
        names = "--count",
        paramLabel = "N",
        description = "Pictures to generate of each model, default 64.")
    int count = 64;

    @Option(
        names = "--sampler-steps",
        paramLabel = "N",
        description = "Of these pictures; default: the base's own, else 20.")
    @Nullable Integer samplerSteps;

    @Option(
        names = "--cfg-scale",
        paramLabel = "X",
        description = "Guidance of them; default: the base's own, else 7.5.")
    @Nullable Double guidance;

    @Option(names = "--threads", paramLabel = "N", description = "CPU threads, default: all.")
    int threads = Runtime.getRuntime().availableProcessors();

    @Parameters(
        paramLabel = "FLAG",
        arity = "0..*",
        description = "Flags of 'viridian train', after --: -- --detail-weighting=snr")
    List<String> more = new ArrayList<>();
  }

  private Table2Run() {}

  /** Runs it; the exit code. */
  static int run(Flags flags, CommandSpec spec, PrintStream out, PrintStream err) {
    Checks checks = new Checks(spec);
    long before = 0;
    for (long steps : flags.steps) {
      checks.range("--steps", steps, before + 1, 1_000_000_000L);
      before = steps;
    }
    checks.range("--seeds", flags.seeds, 1, 1000);
    checks.range("--batch", flags.batch, 1, 4096);
    checks.range("--count", flags.count, 1, 100_000);
    checks.range("--threads", flags.threads, 1, 1024);
    ModelDefaults own;
    try (ModelFiles files = ModelFiles.open(flags.base)) {
      own = files.defaults();
    }
    Trials.Setup setup =
        new Trials.Setup(
            flags.base,
            flags.data,
            flags.test,
            flags.output,
            own.side(),
            flags.steps,
            flags.seeds,
            flags.batch,
            flags.learningRate,
            flags.count,
            flags.samplerSteps == null ? own.steps() : flags.samplerSteps,
            flags.guidance == null ? own.guidance() : flags.guidance,
            flags.threads,
            List.copyOf(flags.more));
    return Trials.run(
        setup,
        args -> {
          err.println("viridian " + String.join(" ", args));
          return dev.viridian.matting.cli.Main.run(args.toArray(String[]::new), out, err);
        });
  }
}
