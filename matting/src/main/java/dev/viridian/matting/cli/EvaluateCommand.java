package dev.viridian.matting.cli;

import dev.viridian.diffusion.pipeline.TextToImage;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.engine.io.AtomicFile;
import dev.viridian.engine.io.FileErrors;
import dev.viridian.engine.io.Text;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.CpuOptions;
import dev.viridian.matting.BuiltInModel;
import dev.viridian.matting.DiffuMatting;
import dev.viridian.matting.evaluate.Evaluation;
import dev.viridian.matting.evaluate.MatteErrors;
import dev.viridian.matting.image.Images;
import dev.viridian.matting.image.PngWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code evaluate}: how good a small model is at what it was trained to draw. */
@Command(
    name = "evaluate",
    description = {
      "Figures of a model on drawn pictures that it was not trained on.",
      "Pictures are generated of captions that name noun and colour, each pair once before any again.",
      "Writes sheet.png, with these pictures, and evaluation.json, where each has a line: what",
      "was asked for and what was recognised."
    })
final class EvaluateCommand implements Callable<Integer> {
  private static final String GENERATED = "generated";

  @ParentCommand private @Nullable Main main;
  @Spec private @Nullable CommandSpec spec;

  @Option(
      names = "--model",
      paramLabel = "DIR|FILE",
      description = "Default: the small model in the jar.")
  private @Nullable Path model;

  @Option(
      names = "--test-data-dir",
      required = true,
      paramLabel = "DIR",
      description = "What 'dataset procedural --held-out N' wrote.")
  private Path data = Path.of(".");

  @Option(names = "--output", required = true, paramLabel = "DIR", description = "Where to write.")
  private Path output = Path.of(".");

  @Option(
      names = "--side",
      paramLabel = "N",
      description = "Of the pictures; default: the model's own.")
  @Range(least = 32, most = 1024, multipleOf = 32)
  private @Nullable Integer side;

  @Option(
      names = "--count",
      paramLabel = "N",
      description = "How many captions to generate, default 64.")
  @Range(least = 1, most = 100_000)
  private int count = 64;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Steps of the sampler; default: the model's own, else 20.")
  @Range(least = 1, most = 1000)
  private @Nullable Integer steps;

  @Option(
      names = "--cfg-scale",
      paramLabel = "X",
      description = "Guidance; default: the model's own, else 7.5.")
  @Range(least = 0, most = 100)
  private @Nullable Double cfgScale;

  @Option(
      names = "--recogniser-steps",
      paramLabel = "N",
      description = "Of training who recognises nouns and colours, default 1500; 0 for none.")
  @Range(least = 0, most = 1_000_000)
  private int recogniserSteps = 1500;

  @Option(names = "--seed", paramLabel = "N", description = "Default 0.")
  @Range(least = 0, most = Integer.MAX_VALUE)
  private long seed;

  @Option(names = "--device", paramLabel = "NAME", description = Devices.HELP)
  private String deviceName = Devices.NONE;

  @Option(names = "--threads", paramLabel = "N", description = "CPU threads, default: all.")
  @Range(least = 1, most = 1024)
  private int threads = Runtime.getRuntime().availableProcessors();

  @Override
  public Integer call() {
    if (main == null || spec == null) {
      throw new IllegalStateException("picocli did not inject the parent command");
    }
    Main console = main;
    Checks checks = new Checks(spec);
    checks.ranges(spec);
    checks.paths(spec);
    String on = Devices.check(checks, deviceName);
    makeFolder();
    CpuOptions cpu = new CpuOptions(threads, Map.of());
    try (Device device = Devices.open(on, DType.F32, () -> Device.cpu(cpu), console.err());
        DiffuMatting loaded =
            DiffuMatting.load(
                model == null ? BuiltInModel.open() : ModelFiles.open(model), device, null)) {
      TextToImage own = loaded.request("");
      own = steps == null ? own : own.steps(steps);
      own = cfgScale == null ? own : own.guidance(cfgScale);
      int size = side == null ? own.width() : side;
      Evaluation.Request request = new Evaluation.Request(size, count, own, seed, recogniserSteps);
      Evaluation.Report report = Evaluation.of(loaded, device, data, request);
      Map<String, Object> json = json(loaded, own, report);
      write(report, json);
      if (console.json()) {
        Json.print(spec.commandLine().getOut(), json);
      } else {
        json.remove(GENERATED);
        json.forEach((key, value) -> console.err().println(key.replace('_', ' ') + ": " + value));
      }
    }
    return Main.OK;
  }

  private Map<String, Object> json(
      DiffuMatting loaded, TextToImage request, Evaluation.Report report) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("model", model == null ? BuiltInModel.NAME : model.toString());
    json.put("model_hash", loaded.fingerprint());
    json.put("pictures", count);
    json.put("steps", request.steps());
    json.put("cfg_scale", request.guidance());
    json.put("seed", seed);
    json.put("vae_psnr", rounded(report.psnr()));
    json.put("gsg", rounded(report.green()));
    json.put("mask_against_key", rounded(report.mask()));
    json.put("edges", edges(report.edges()));
    MatteErrors encoded = report.encodedEdges();
    json.put("edges_of_autoencoder", encoded == null ? null : errors(encoded));
    json.put("nouns_recognised", rounded(report.nouns()));
    json.put("colours_recognised", rounded(report.colours()));
    json.put("nouns_recognised_of_drawn", rounded(report.drawnNouns()));
    json.put("colours_recognised_of_drawn", rounded(report.drawnColours()));
    json.put(GENERATED, report.generated());
    return json;
  }

  private static @Nullable Map<String, Object> edges(@Nullable Map<Integer, MatteErrors> by) {
    if (by == null) {
      return null;
    }
    Map<String, Object> json = errors(MatteErrors.mean(by.values()));
    Map<String, Object> each = new LinkedHashMap<>();
    by.forEach((t, errors) -> each.put(t.toString(), rounded(errors.grad())));
    json.put("grad_by_timestep", each);
    return json;
  }

  private static Map<String, Object> errors(MatteErrors errors) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("sad", rounded(errors.sad()));
    json.put("mse", rounded(errors.mse()));
    json.put("grad", rounded(errors.grad()));
    return json;
  }

  private static @Nullable Double rounded(@Nullable Double value) {
    return value == null ? null : Double.valueOf(String.format(Locale.ROOT, "%.5f", value));
  }

  private void makeFolder() {
    try {
      Files.createDirectories(output);
    } catch (IOException e) {
      throw failure(e);
    }
  }

  private void write(Evaluation.Report report, Map<String, Object> json) {
    int w = report.sheet().getWidth();
    int h = report.sheet().getHeight();
    byte[] pixels = Images.toBytes(Images.rgb(report.sheet()));
    AtomicFile.write(output.resolve("sheet.png"), PngWriter.rgb(w, h, pixels, List.of()));
    AtomicFile.write(output.resolve("evaluation.json"), Json.text(json) + "\n");
  }

  private InputException failure(IOException e) {
    return new InputException(
        Text.line(output.toString()) + ": cannot be written: " + FileErrors.reason(e), e);
  }
}
