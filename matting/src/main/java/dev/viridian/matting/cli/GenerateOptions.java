package dev.viridian.matting.cli;

import dev.viridian.diffusion.scheduler.Schedulers;
import dev.viridian.diffusion.weights.ModelDefaults;
import dev.viridian.engine.io.Text;
import dev.viridian.matting.GreenPrompt;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** The flags of {@code generate}. Values are to be used after {@link #check}. */
final class GenerateOptions {
  private static final int MIN_SIDE = 8;
  private static final int MAX_SIDE = 4096;
  private static final int MOST_PICTURES = 100_000;

  @Option(names = "--prompt", required = true, paramLabel = "TEXT", description = "What to show.")
  String prompt = "";

  @Option(names = "--negative-prompt", paramLabel = "TEXT", description = "What to keep away from.")
  String negativePrompt = "";

  @Option(
      names = "--model",
      paramLabel = "DIR|FILE|ORG/NAME",
      description = {
        "A model folder, a single-file model, or a model in the Hugging Face cache.",
        "Default: the small model in the jar."
      })
  @Nullable String model;

  @Option(
      names = "--output",
      paramLabel = "NAME.png|DIR/",
      description = "Where to write; several pictures need a folder. Default: viridian.png.")
  @Nullable String output;

  @Option(names = "--overwrite", description = "Replace files that exist.")
  boolean overwrite;

  @Option(
      names = "--width",
      paramLabel = "N",
      description = "In pixels; default: the model's own, 512 for SD1.5.")
  @Range(least = MIN_SIDE, most = MAX_SIDE, multipleOf = 8)
  int width = 512;

  @Option(
      names = "--height",
      paramLabel = "N",
      description = "In pixels; default: the model's own, 512 for SD1.5.")
  @Range(least = MIN_SIDE, most = MAX_SIDE, multipleOf = 8)
  int height = 512;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Steps of the sampler; default: the model's own, else 20.")
  @Range(least = 1, most = 1000)
  int steps = 20;

  @Option(
      names = "--cfg-scale",
      paramLabel = "X",
      description = {
        "How strongly to follow the prompt; default: the model's own, else 7.5;",
        "1 is plain sampling."
      })
  @Range(least = 0, most = 100)
  double cfgScale = 7.5;

  @Option(
      names = "--seed",
      paramLabel = "N|-1",
      description = "Of the noise, as PyTorch's on the CPU; -1, the default, draws one.")
  @Range(least = -1, most = Long.MAX_VALUE)
  long seed = -1;

  @Option(
      names = "--sampler",
      paramLabel = "NAME",
      description = "Such as ddim, euler-a, dpmpp-2m; default: the model's own.")
  @Nullable String sampler;

  @Option(
      names = "--schedule",
      paramLabel = "NAME",
      description = "Noise levels: default, karras, exponential, beta.")
  String schedule = "default";

  @Option(
      names = "--spacing",
      paramLabel = "NAME",
      description = "Timesteps: leading, linspace, trailing; default: the model's or sampler's.")
  @Nullable String spacing;

  @Option(
      names = "--eta",
      paramLabel = "X",
      description = "Share of fresh noise in each step of ddim, 0 to 1.")
  @Range(least = 0, most = 1)
  @Nullable Double eta;

  @Option(names = "--batch-count", paramLabel = "N", description = "How many batches, default 1.")
  @Range(least = 1, most = MOST_PICTURES)
  int batchCount = 1;

  @Option(names = "--batch-size", paramLabel = "N", description = "Pictures at once, default 1.")
  @Range(least = 1, most = 64)
  int batchSize = 1;

  @Option(
      names = "--clip-skip",
      paramLabel = "N",
      description = "Stop the text encoder before its last N-1 layers, default 1.")
  @Range(least = 1, most = 12)
  int clipSkip = 1;

  @Option(
      names = "--green-suffix",
      paramLabel = "TEXT|none",
      description = "Put after a prompt that has no 'green' of its own; none leaves it as it is.")
  @Nullable String greenSuffix;

  @Option(
      names = "--long-prompt",
      paramLabel = "NAME",
      description = "Prompts of more than 75 tokens: truncate or chunk.")
  String longPrompt = "truncate";

  @Option(
      names = "--matting",
      paramLabel = "NAME",
      description = "The alpha: auto, coarse, green-post, key, none.")
  String matting = "auto";

  @Option(names = "--device", paramLabel = "NAME", description = Devices.HELP)
  String device = Devices.NONE;

  @Option(
      names = "--dtype",
      paramLabel = "NAME",
      description =
          "What denoising is computed in: f32 (auto), bf16 or int8; f16: f32 with weights in f16.")
  String dtype = "auto";

  @Option(names = "--threads", paramLabel = "N", description = "CPU threads, default: all.")
  @Range(least = 1, most = 1024)
  int threads = Runtime.getRuntime().availableProcessors();

  @Option(
      names = "--log-kernels",
      description = "Say which implementation each family of kernels took.")
  boolean logKernels;

  @Option(
      names = "--vae-tiling",
      description = "Decode large maps band by band: less than half the memory, a third more time.")
  boolean vaeTiling;

  @Option(
      names = "--latents",
      paramLabel = "F.safetensors",
      description = "Also write the final latents.")
  @Nullable Path latents;

  @Option(
      names = "--raw",
      paramLabel = "F.safetensors",
      description = "Also write the picture and the coarse mask before clamping.")
  @Nullable Path raw;

  @Option(names = "--init-image", paramLabel = "F", description = "Picture to start from.")
  @Nullable Path initImage;

  @Option(names = "--strength", paramLabel = "X", description = "How much of it to change, 0 to 1.")
  @Nullable Double strength;

  @Option(names = "--mask", paramLabel = "F", description = "White where it may change.")
  @Nullable Path mask;

  @Option(
      names = "--lora",
      paramLabel = "F[:W]",
      description = "Adapter and its weight; can be given several times.")
  List<String> loras = new ArrayList<>();

  @Option(names = "--control-net", paramLabel = "D", description = "Control network.")
  @Nullable Path controlNet;

  @Option(names = "--control-image", paramLabel = "F", description = "Its picture.")
  @Nullable Path controlImage;

  @Option(names = "--control-strength", paramLabel = "X", description = "Its weight.")
  @Nullable Double controlStrength;

  /**
   * Checks every value, and brings words to the spelling that the rest of the program uses.
   *
   * @throws picocli.CommandLine.ParameterException naming the first flag that is wrong, in one line
   */
  void check(CommandSpec command) {
    Checks checks = new Checks(command);
    checks.ranges(command);
    checks.paths(command);
    if (pictures() > MOST_PICTURES) {
      throw checks.wrong(
          "--batch-count times --batch-size is "
              + pictures()
              + ", expected "
              + MOST_PICTURES
              + " pictures at most");
    }
    prompt = wellFormed(prompt);
    negativePrompt = wellFormed(negativePrompt);
    words(checks);
    output(checks);
    notYet(checks);
  }

  /** Takes from the model what no flag gives. */
  void fill(CommandSpec command, ModelDefaults defaults) {
    width = given(command, "--width") ? width : defaults.side();
    height = given(command, "--height") ? height : defaults.side();
    steps = given(command, "--steps") ? steps : defaults.steps();
    cfgScale = given(command, "--cfg-scale") ? cfgScale : defaults.guidance();
  }

  private static boolean given(CommandSpec command, String flag) {
    return command.commandLine().getParseResult().hasMatchedOption(flag);
  }

  private void words(Checks checks) {
    if (sampler != null) {
      sampler = samplerName(checks, sampler);
    }
    schedule =
        checks.choice("--schedule", schedule, List.of("default", "karras", "exponential", "beta"));
    if (spacing != null) {
      spacing = checks.choice("--spacing", spacing, List.of("leading", "linspace", "trailing"));
    }
    longPrompt = checks.choice("--long-prompt", longPrompt, List.of("chunk", "truncate"));
    matting =
        checks.choice("--matting", matting, List.of("auto", "coarse", "green-post", "key", "none"));
    dtype = checks.choice("--dtype", dtype, List.of("auto", "f32", "bf16", "f16", "int8"));
    device = Devices.check(checks, device);
  }

  /** Samplers that are named in the plan, beside those that are built. */
  private static final List<String> LATER =
      List.of("lms", "heun", "dpm2", "dpm2-a", "dpmpp-sde", "unipc", "deis", "lcm", "tcd");

  private static String samplerName(Checks checks, String name) {
    var found = Schedulers.find(name);
    if (found.isPresent()) {
      return found.get().name();
    }
    checks.notYet("--sampler " + Text.line(name), LATER.contains(name.toLowerCase(Locale.ROOT)));
    return checks.choice(
        "--sampler", name, Schedulers.all().stream().map(Schedulers.Entry::name).toList());
  }

  private void output(Checks checks) {
    if (output == null) {
      output = pictures() > 1 ? "viridian/" : "viridian.png";
    }
    boolean picture = output.toLowerCase(Locale.ROOT).endsWith(".png");
    if (picture && pictures() > 1) {
      throw checks.wrong(
          "--output is "
              + Text.quote(output)
              + ", expected a folder (DIR/) for "
              + pictures()
              + " pictures");
    }
    if (output.isBlank()) {
      throw checks.wrong("--output is empty, expected NAME.png or a folder (DIR/)");
    }
    checks.path("--output", output);
    if (model != null) {
      checks.path("--model", model);
    }
  }

  private void notYet(Checks checks) {
    checks.notYet("--init-image", initImage != null);
    checks.notYet("--strength", strength != null);
    checks.notYet("--mask", mask != null);
    checks.notYet("--lora", !loras.isEmpty());
    checks.notYet("--control-net", controlNet != null);
    checks.notYet("--control-image", controlImage != null);
    checks.notYet("--control-strength", controlStrength != null);
    checks.notYet("--long-prompt chunk", longPrompt.equals("chunk"));
    checks.notYet("--matting green-post", matting.equals("green-post"));
    checks.notYet("--matting key", matting.equals("key"));
  }

  /**
   * Halves of surrogate pairs become U+FFFD, as the tokenizer takes them: no file can hold them.
   */
  private static String wellFormed(String text) {
    return text.replaceAll("\\p{Cs}", "\ufffd");
  }

  /** How many pictures the run makes. */
  long pictures() {
    return (long) batchCount * batchSize;
  }

  /** What is put after a prompt without green; empty for nothing. */
  String suffix() {
    if (greenSuffix == null) {
      return GreenPrompt.SUFFIX;
    }
    return greenSuffix.equals("none") ? "" : greenSuffix;
  }
}
