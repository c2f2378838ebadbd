package dev.viridian.matting.cli;

import dev.viridian.diffusion.pipeline.Cancellation;
import dev.viridian.diffusion.pipeline.TextToImage;
import dev.viridian.diffusion.weights.HubCache;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.engine.nn.PackedLayers;
import dev.viridian.engine.random.TorchRandom;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.cpu.CpuKernels;
import dev.viridian.kernels.cpu.CpuOptions;
import dev.viridian.matting.BuiltInModel;
import dev.viridian.matting.DiffuMatting;
import dev.viridian.matting.GreenPrompt;
import dev.viridian.matting.image.OutputNames;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code generate}: text to a picture on green, an alpha and an RGBA object. */
@Command(
    name = "generate",
    description = {
      "Generate objects with alpha from text.",
      "Writes NAME.png (RGBA), NAME.green.png, NAME.alpha.png (16 bit) and NAME.json."
    })
final class GenerateCommand implements Callable<Integer> {
  private static final long SEEDS = 1L << 32;

  @ParentCommand private @Nullable Main main;
  @Spec private @Nullable CommandSpec spec;
  @Mixin private GenerateOptions options = new GenerateOptions();

  @Override
  public Integer call() {
    if (main == null || spec == null) {
      throw new IllegalStateException("picocli did not inject the parent command");
    }
    options.check(spec);
    long seed = options.seed >= 0 ? options.seed : ThreadLocalRandom.current().nextLong(SEEDS);
    try (Device device = Devices.open(onDevice(), compute(), this::cpu, main.err())) {
      GenerationOutput output = new GenerationOutput(options, names(seed));
      output.prepare();
      RunRecord record = new RunRecord(device);
      record.begin("load");
      try (DiffuMatting model = load(open(options.model), device)) {
        Map<String, Object> result = run(model, seed, output, record, main);
        if (main.json()) {
          Json.print(spec.commandLine().getOut(), result);
        }
        PackedLayers layers = model.diffusion().packedLayers();
        if (options.logKernels && !layers.equals(PackedLayers.NONE)) {
          main.err().println("weights of the UNet: " + layers);
        }
      }
      if (options.logKernels) {
        Collection<String> choices =
            device.kernels() instanceof CpuKernels kernels
                ? kernels.choices()
                : List.of("all families: " + device);
        choices.forEach(main.err()::println);
      }
    }
    return Main.OK;
  }

  private Device cpu() {
    CpuKernels kernels = new CpuKernels(new CpuOptions(options.threads, Map.of()));
    kernels.prepare();
    return Device.cpu(kernels);
  }

  /** Where to compute: products of 8 bits are the CPU's alone. */
  private String onDevice() {
    boolean open = options.device.equals(Devices.AUTO) || options.device.equals(Devices.NONE);
    return open && options.dtype.equals("int8") ? Devices.CPU : options.device;
  }

  private DiffuMatting load(ModelFiles files, Device device) {
    try {
      options.fill(Objects.requireNonNull(spec), files.defaults());
      MemoryEstimate.check(files, options, dtype(device), precision(device), device);
    } catch (RuntimeException e) {
      files.close();
      throw e;
    }
    return DiffuMatting.load(files, device, dtype(device), precision(device));
  }

  /** What a CUDA device rounds factors to. */
  private DType compute() {
    return switch (options.dtype) {
      case "f16" -> DType.F16;
      case "bf16" -> DType.BF16;
      default -> DType.F32;
    };
  }

  /** What products with weights are packed for: the CPU's way of lower precision. */
  private Precision precision(Device device) {
    return switch (options.dtype) {
      case "bf16" -> device.readsHostMemory() ? Precision.BF16 : Precision.F32;
      case "int8" -> Precision.INT8;
      default -> Precision.F32;
    };
  }

  /**
   * What weights are rounded or widened to; null: kept, packed for their precision or mapped. The
   * CPU computes in F32 with weights of any type as they lie, and with the same result.
   */
  private @Nullable DType dtype(Device device) {
    return switch (options.dtype) {
      case "f32" -> device.readsHostMemory() ? null : DType.F32;
      case "f16" -> DType.F16;
      case "bf16" -> device.readsHostMemory() ? null : DType.BF16;
      default -> null;
    };
  }

  /** The model of a flag, or that of the jar. */
  private static ModelFiles open(@Nullable String model) {
    if (model == null) {
      return BuiltInModel.open();
    }
    Path path = Path.of(model);
    if (Files.exists(path) || !model.matches("[\\w.-]+/[\\w.-]+")) {
      return ModelFiles.open(path);
    }
    return ModelFiles.open(
        HubCache.locate(
            model, HubCache.root(System::getenv, Path.of(System.getProperty("user.home")))));
  }

  /** Where each picture goes; image i of single-picture batches has seed + i. */
  private List<OutputNames> names(long seed) {
    String output = Objects.requireNonNull(options.output);
    if (output.toLowerCase(Locale.ROOT).endsWith(".png")) {
      return List.of(OutputNames.of(Path.of(output)));
    }
    List<OutputNames> names = new ArrayList<>();
    for (int i = 0; i < options.pictures(); i++) {
      names.add(OutputNames.in(Path.of(output), i, options.batchSize == 1 ? seed + i : seed));
    }
    return names;
  }

  private Map<String, Object> run(
      DiffuMatting model, long seed, GenerationOutput output, RunRecord record, Main console) {
    boolean matte = matte(model, console);
    model.diffusion().setTiling(options.vaeTiling);
    GreenPrompt prompt =
        GreenPrompt.of(options.prompt, options.suffix(), model.diffusion().tokenizer());
    warnOfLength(prompt, model, console);
    TextToImage request = request(prompt.text());
    model.diffusion().scheduler(request); // refuses what does not fit before the first step
    List<TorchRandom> generators = List.of(new TorchRandom(seed));
    Cancellation cancellation = new Cancellation();
    for (int i = 0; i < options.batchCount; i++) {
      if (options.batchSize == 1) {
        generators = List.of(new TorchRandom(seed + i));
      }
      String count = options.batchCount > 1 ? " " + (i + 1) + "/" + options.batchCount : "";
      try (RunProgress progress = new RunProgress(console.err(), count, record)) {
        DiffuMatting.Result result =
            model.generateFrom(request, generators, matte, progress, cancellation);
        record.begin("write");
        output.write(i, result, request, model, record);
      }
    }
    output.writeTensors();
    record.end();
    Map<String, Object> summary = new LinkedHashMap<>();
    summary.put("pictures", output.written());
    summary.put("phases", record.phases());
    summary.put("seconds_to_first_step", record.secondsToFirstStep());
    summary.put("peak_resident_bytes", RunRecord.peakResidentBytes());
    if (!console.json()) {
      report(output.written().size(), output, record, console);
    }
    return summary;
  }

  private static void report(
      int pictures, GenerationOutput output, RunRecord record, Main console) {
    double seconds =
        record.phases().values().stream().mapToDouble(p -> (double) p.get("seconds")).sum();
    console
        .err()
        .printf(
            Locale.ROOT,
            "%s in %.1f s, peak resident memory %.2f GB%n",
            pictures == 1 ? output.first() : pictures + " pictures in " + output.folder(),
            seconds,
            RunRecord.peakResidentBytes() / 1e9);
  }

  private boolean matte(DiffuMatting model, Main console) {
    switch (options.matting) {
      case "none" -> {
        return false;
      }
      case "coarse" -> {
        if (!model.hasHead()) {
          throw new InputException(
              "--matting coarse: "
                  + model.diffusion().files().describe()
                  + " has no matting head; use --matting none, or a model with matting_head/");
        }
        return true;
      }
      default -> {
        if (!model.hasHead()) {
          console
              .err()
              .println(
                  "viridian: the model has no matting head, the pictures will be opaque"
                      + " (--matting none says so without this line)");
        }
        return model.hasHead();
      }
    }
  }

  private void warnOfLength(GreenPrompt prompt, DiffuMatting model, Main console) {
    if (prompt.truncated()) {
      console
          .err()
          .println(
              "viridian: the prompt is longer than "
                  + (model.diffusion().tokenizer().length() - 2)
                  + " tokens; what comes after is not read");
    }
    if (options.cfgScale > 1
        && model.diffusion().tokenizer().encode(options.negativePrompt).truncated()) {
      console
          .err()
          .println(
              "viridian: the negative prompt is longer than "
                  + (model.diffusion().tokenizer().length() - 2)
                  + " tokens; what comes after is not read");
    }
  }

  private TextToImage request(String prompt) {
    return TextToImage.of(prompt)
        .negative(options.negativePrompt)
        .size(options.width, options.height)
        .steps(options.steps)
        .guidance(options.cfgScale)
        .sampler(options.sampler)
        .schedule(options.schedule, options.spacing)
        .eta(options.eta)
        .skipLayers(options.clipSkip - 1)
        .batch(options.batchSize);
  }
}
