package dev.viridian.bench;

import dev.viridian.bench.work.PictureWork;
import dev.viridian.bench.work.StepWork;
import dev.viridian.bench.work.TextWork;
import dev.viridian.bench.work.VaeWork;
import dev.viridian.diffusion.weights.FormulaModel;
import dev.viridian.diffusion.weights.ModelConfigs;
import dev.viridian.kernels.DType;
import dev.viridian.matting.cli.Checks;
import dev.viridian.matting.cli.Errors;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** {@code viridian bench}: timings of whole networks and of kernels, beside those of peers. */
@Command(
    name = "viridian bench",
    description = "Time whole networks and kernels, in turns with other engines.",
    synopsisSubcommandLabel = "WORK",
    footer = {"", "'viridian bench jmh ARGUMENTS' runs the JMH benchmarks: Gemm -p threads=1"})
public final class Main implements Runnable {
  private static final String JMH = "jmh";

  @Spec private @Nullable CommandSpec spec;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      scope = ScopeType.INHERIT,
      description = "Show this help and end.")
  private boolean help;

  @Option(
      names = "--verbose",
      scope = ScopeType.INHERIT,
      description = "Show the stack trace of an error.")
  private boolean verbose;

  @Option(
      names = "--json",
      scope = ScopeType.INHERIT,
      description = "Print the results as a JSON array on standard output.")
  private boolean json;

  private final PrintStream out;
  private final PrintStream err;

  private Main(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  /** Runs the command line of the process and ends the process with its exit code. */
  public static void main(String[] args) throws IOException {
    if (args.length > 0 && args[0].equals(JMH)) {
      org.openjdk.jmh.Main.main(Arrays.copyOfRange(args, 1, args.length));
      return;
    }
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    PrintStream err = new PrintStream(System.err, false, StandardCharsets.UTF_8);
    int code = run(args, out, err);
    out.flush();
    err.flush();
    System.exit(code);
  }

  /** Runs one command line and returns its exit code; never ends the process. */
  public static int run(String[] args, PrintStream out, PrintStream err) {
    Main main = new Main(out, err);
    CommandLine line = new CommandLine(main);
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    line.setUsageHelpAutoWidth(false);
    line.setUsageHelpWidth(100);
    Errors errors = new Errors(() -> main.verbose);
    line.setParameterExceptionHandler(errors);
    line.setExecutionExceptionHandler(errors);
    try {
      return line.execute(args);
    } catch (Error e) { // picocli hands over exceptions alone
      return Errors.report(line.getErr(), e, Errors.describe(e), main.verbose);
    }
  }

  private CommandSpec spec() {
    if (spec == null) {
      throw new IllegalStateException("picocli did not inject the command's specification");
    }
    return spec;
  }

  /** Without a word of what to time there is nothing to do. */
  @Override
  public void run() {
    throw new ParameterException(
        spec().commandLine(), "nothing to time given; 'viridian bench --help' lists it");
  }

  private Runs runs(RunOptions options) {
    options.check(spec());
    return new Runs(options, json, spec().commandLine().getOut(), spec().commandLine().getErr());
  }

  private Runs networks(RunOptions options) {
    options.requireNetworks(spec());
    return runs(options);
  }

  /** One evaluation of the noise predictor. */
  @Command(name = "step", description = "One evaluation of the noise predictor.")
  int step(@Mixin RunOptions o) {
    return networks(o)
        .network(
            "step",
            (model, device, dtype) ->
                new StepWork(
                    model, device, dtype, o.precision(device), o.width, o.height, o.batch));
  }

  /** Decoding a picture. */
  @Command(name = "vae", description = "Decoding latents to a picture.")
  int vae(@Mixin RunOptions o) {
    return networks(o)
        .network(
            "vae",
            (model, device, dtype) ->
                new VaeWork(model, device, dtype, o.width, o.height, o.batch, o.vaeTiling));
  }

  /** Encoding a text. */
  @Command(name = "text", description = "Encoding a text of full length.")
  int text(@Mixin RunOptions o) {
    return networks(o)
        .network("text", (model, device, dtype) -> new TextWork(model, device, dtype, o.batch));
  }

  /** A whole picture. */
  @Command(name = "picture", description = "A whole picture: two texts, DDIM steps, decoding.")
  int picture(@Mixin RunOptions o) {
    return networks(o)
        .network(
            "picture",
            (model, device, dtype) ->
                new PictureWork(
                    model,
                    device,
                    dtype,
                    o.precision(device),
                    o.width,
                    o.height,
                    o.batch,
                    o.steps));
  }

  /** Single kernels. */
  @Command(name = "ops", description = "Single kernels, on the shapes of SD1.5 at 512 by 512.")
  int ops(@Mixin RunOptions o) {
    Runs runs = runs(o);
    o.requireCpu(spec(), "ops");
    o.refuseTraining(spec());
    o.refuseHalves(spec());
    return runs.ops();
  }

  /** Whether anything got slower. */
  @Command(
      name = "history",
      description =
          "Compare the last run of each work with the one before, on the same kind of machine;"
              + " exit code 1 where one got worse by more than the spread.")
  int history(@Parameters(paramLabel = "FILE", description = "What --history wrote.") Path file) {
    PrintWriter out = spec().commandLine().getOut();
    return History.print(History.changes(file), json, out)
        ? dev.viridian.matting.cli.Main.FAILED
        : dev.viridian.matting.cli.Main.OK;
  }

  /** Steps of training. */
  @Command(
      name = "train",
      description =
          "A step of training: stage 2 of the small model at batch 8, or with --model formula"
              + " stage 1 at full size, batch 1.")
  int train(@Mixin RunOptions o, @Mixin TrainRun.Flags flags) {
    CommandLine line = spec().commandLine();
    TrainRun run =
        new TrainRun(o, flags, spec(), line.getParseResult().subcommand(), line.getErr());
    return runs(o).train(run);
  }

  /** The paper's ablation at small scale. */
  @Command(
      name = "table2",
      description = {
        "Fine-tune one base with all losses, without L_g and without L_detail, and measure what",
        "comes of it: GSG and boundary error, with their spread over seeds, as table2.md."
      })
  int table2(@Mixin Table2Run.Flags flags) {
    return Table2Run.run(flags, spec(), out, err);
  }

  /** The run book of a machine with a GPU. */
  @Command(
      name = "gpu",
      description =
          "Check and time everything on a CUDA device and write a report: bench/docs/gpu.md.")
  int gpu(@Mixin GpuRun.Flags flags) {
    return GpuRun.run(flags, spec(), spec().commandLine().getErr())
        ? dev.viridian.matting.cli.Main.OK
        : dev.viridian.matting.cli.Main.FAILED;
  }

  /** One part of the run book, in a process of its own. */
  @Command(name = "gpu-part", hidden = true, description = "One part of 'gpu'.")
  int gpuPart(
      @Parameters(paramLabel = "PART", description = "Its name.") String part,
      @Option(names = "--device", description = "cuda or cuda:N.", defaultValue = "cuda")
          String device) {
    PrintWriter out = spec().commandLine().getOut();
    out.println(Json.line(GpuRun.part(part, device, spec())));
    out.flush();
    return dev.viridian.matting.cli.Main.OK;
  }

  /** Writes the formula model. */
  @Command(
      name = "formula-model",
      description = "Write a full-size SD1.5 with a matting head whose weights are computed.")
  int formulaModel(
      @Option(
              names = "--dtype",
              paramLabel = "NAME",
              required = true,
              description = "f16, bf16 or f32.")
          String dtype,
      @Option(
              names = "--output",
              paramLabel = "DIR",
              required = true,
              description = "Where to write; must not exist.")
          Path output,
      @Option(
              names = "--tokenizer",
              paramLabel = "DIR",
              description = "A folder with vocab.json and merges.txt to copy.")
          @Nullable Path tokenizer) {
    String type = new Checks(spec()).choice("--dtype", dtype, List.of("f16", "bf16", "f32"));
    DType weights = DType.valueOf(type.toUpperCase(Locale.ROOT));
    FormulaModel model = new FormulaModel(ModelConfigs.sd15(), weights);
    model.write(output, tokenizer);
    PrintWriter out = spec().commandLine().getOut();
    out.println(
        json
            ? Json.text(Map.of("output", output.toString(), "dtype", type, "bytes", model.bytes()))
            : output + ": " + model.bytes() / 1_000_000 + " MB");
    out.flush();
    return dev.viridian.matting.cli.Main.OK;
  }
}
