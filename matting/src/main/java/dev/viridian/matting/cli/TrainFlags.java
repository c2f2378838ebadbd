package dev.viridian.matting.cli;

import dev.viridian.matting.GreenPrompt;
import dev.viridian.matting.train.LossScaler;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The flags of {@code train} beside those of its losses. Values are to be used after checks. */
final class TrainFlags {
  @Option(
      names = "--stage",
      required = true,
      paramLabel = "NAME",
      description = {
        "1 (UNet), 2 (UNet and matting head), head, vae, decoder (the vae's, latents stay as they",
        "are), or scratch (text encoder and UNet from random weights)."
      })
  String stage = "";

  @Option(
      names = "--model",
      paramLabel = "DIR|FILE|ORG/NAME",
      description = "The model to begin with; without it every network of --config is drawn.")
  @Nullable String model;

  @Option(
      names = "--config",
      paramLabel = "small|F.json",
      description = "Shapes of networks that are drawn.")
  @Nullable String config;

  @Option(
      names = "--train-data-dir",
      required = true,
      paramLabel = "DIR",
      description = "A data set folder: images/, alphas/, metadata.jsonl.")
  Path data = Path.of(".");

  @Option(
      names = "--output",
      required = true,
      paramLabel = "DIR",
      description = "Becomes a model folder; checkpoints and scalars.csv are in it.")
  Path output = Path.of(".");

  @Option(names = "--resolution", paramLabel = "N", description = "Of pictures, default 512.")
  @Range(least = 8, most = 4096, multipleOf = 8)
  int resolution = 512;

  @Option(names = "--train-batch-size", paramLabel = "N", description = "Default 2.")
  @Range(least = 1, most = 4096)
  int batch = 2;

  @Option(
      names = "--gradient-accumulation-steps",
      paramLabel = "N",
      description = "Batches that make a step, default 1.")
  @Range(least = 1, most = 100_000)
  int accumulation = 1;

  @Option(names = "--max-train-steps", paramLabel = "N", description = "Default 1000.")
  @Range(least = 1, most = 1_000_000_000_000L)
  long steps = 1000;

  @Option(
      names = "--learning-rate",
      paramLabel = "X",
      description = "Default: 2e-6 in stages 1 and 2, else 1e-4.")
  @Nullable Double learningRate;

  @Option(
      names = "--head-learning-rate",
      paramLabel = "X",
      description = "Of the matting head, default 1e-4.")
  double headLearningRate = 1e-4;

  @Option(
      names = "--lr-scheduler",
      paramLabel = "NAME",
      description = "constant, linear or cosine.")
  String schedule = "constant";

  @Option(names = "--lr-warmup-steps", paramLabel = "N", description = "Default 0.")
  @Range(least = 0, most = 1_000_000_000)
  long warmup;

  @Option(names = "--adam-weight-decay", paramLabel = "X", description = "Default 0.01.")
  @Range(least = 0, most = 100)
  double weightDecay = 1e-2;

  @Option(
      names = "--max-grad-norm",
      paramLabel = "X",
      description = "Of all gradients together, default 1 (vae: 0); 0 for no limit.")
  @Nullable Double clip;

  @Option(
      names = "--caption-dropout",
      paramLabel = "X",
      description = "Share of captions left out, default 0.1.")
  @Range(least = 0, most = 1)
  double captionDropout = 0.1;

  @Option(
      names = "--green-suffix",
      paramLabel = "TEXT|none",
      description = "Put after captions that have no 'green' of their own.")
  String greenSuffix = GreenPrompt.SUFFIX;

  @Option(names = "--random-flip", description = "Mirror pictures at random.")
  boolean flip;

  @Option(
      names = "--random-crop",
      description = "Cut pictures larger than --resolution at random, instead of shrinking them.")
  boolean crop;

  @Option(
      names = "--cache-latents",
      description = "Encode every picture once, before the first step (not for vae).")
  boolean cacheLatents;

  @Option(
      names = "--gradient-checkpointing",
      description = "Compute inner values again instead of keeping them: less memory, more time.")
  boolean recompute;

  @Option(
      names = "--mixed-precision",
      paramLabel = "NAME",
      description =
          "What products, convolutions and attention round their factors to: no, bf16, or fp16,"
              + " which a CUDA device alone has. Weights stay f32.")
  String mixedPrecision = "no";

  @Option(
      names = "--loss-scale",
      paramLabel = "N",
      description = "Where dynamic loss scaling begins, with fp16; a power of 2, default 65536.")
  double lossScale = LossScaler.INITIAL;

  @Option(names = "--ema", description = "A moving average of the weights becomes the model.")
  boolean ema;

  @Option(names = "--ema-decay", paramLabel = "X", description = "Default 0.9999.")
  @Range(least = 0, most = 1)
  double emaDecay = 0.9999;

  @Option(names = "--seed", paramLabel = "N", description = "Of all that is drawn, default 0.")
  @Range(least = 0, most = Long.MAX_VALUE)
  long seed;

  @Option(names = "--skip-bad", description = "Leave out samples that cannot be read.")
  boolean skipBad;

  @Option(
      names = "--dataloader-num-workers",
      paramLabel = "N",
      description = "Threads that read samples, default 1.")
  @Range(least = 1, most = 256)
  int workers = 1;

  @Option(names = "--checkpointing-steps", paramLabel = "N", description = "Default 500.")
  @Range(least = 1, most = 1_000_000_000_000L)
  long checkpointing = 500;

  @Option(
      names = "--checkpoints-total-limit",
      paramLabel = "N",
      description = "How many checkpoints stay, default 2.")
  @Range(least = 1, most = 1_000_000)
  int keep = 2;

  @Option(
      names = "--resume-from-checkpoint",
      paramLabel = "latest|DIR",
      description = "Go on from there; latest, without one, begins.")
  @Nullable String resume;

  @Option(
      names = "--validation-prompt",
      paramLabel = "TEXT",
      description = "A picture of it at every checkpoint; can be given several times.")
  List<String> validationPrompts = new ArrayList<>();

  @Option(names = "--overwrite", description = "Replace a model that is in the output folder.")
  boolean overwrite;

  @Option(names = "--device", paramLabel = "NAME", description = Devices.HELP)
  String device = Devices.NONE;

  @Option(names = "--threads", paramLabel = "N", description = "CPU threads, default: all.")
  @Range(least = 1, most = 1024)
  int threads = Runtime.getRuntime().availableProcessors();
}
