package dev.viridian.matting.cli;

import dev.viridian.diffusion.weights.MattingHeadConfig;
import dev.viridian.matting.loss.AutoencoderLoss;
import dev.viridian.matting.loss.DetailOptions;
import dev.viridian.matting.loss.GreenOptions;
import dev.viridian.matting.loss.MattingOptions;
import dev.viridian.matting.train.LossOptions;
import dev.viridian.matting.train.LossOptions.Term;
import dev.viridian.matting.train.Stage;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The flags of {@code train} that choose losses and how they read the paper. */
final class LossFlags {
  @Option(names = "--noise-weight", paramLabel = "X", description = "Of L_noise, default 1.")
  @Range(least = 0, most = 1_000_000)
  @Nullable Double noiseWeight;

  @Option(
      names = "--green-weight",
      paramLabel = "X",
      description = "Of L_g, default 1 (scratch: 0).")
  @Range(least = 0, most = 1_000_000)
  @Nullable Double greenWeight;

  @Option(
      names = "--detail-weight",
      paramLabel = "X",
      description = "Of L_detail, default 1 (scratch: 0).")
  @Range(least = 0, most = 1_000_000)
  @Nullable Double detailWeight;

  @Option(names = "--latent-weight", paramLabel = "X", description = "Of L_latent, default 1.")
  @Range(least = 0, most = 1_000_000)
  @Nullable Double latentWeight;

  @Option(
      names = "--kl-weight",
      paramLabel = "X",
      description = "Of the autoencoder's KL part, default 1e-6.")
  @Range(least = 0, most = 1_000_000)
  double klWeight = AutoencoderLoss.KL_WEIGHT;

  @Option(
      names = "--snr-gamma",
      paramLabel = "X",
      description = "Min-SNR weighting of L_noise; 5 is usual.")
  @Nullable Double snrGamma;

  @Option(
      names = "--green-token",
      paramLabel = "NAME",
      description = "Which 'green' of a caption L_g reads: first, last, mean or max (A2).")
  String greenToken = "last";

  @Option(
      names = "--green-levels",
      paramLabel = "N,N",
      description = "Levels of the UNet that L_g reads, 0 being the latents' size (A3).")
  @Nullable String greenLevels;

  @Option(
      names = "--green-heads",
      paramLabel = "NAME",
      description = "mean of the heads, or each on its own (A4).")
  String greenHeads = "mean";

  @Option(
      names = "--green-mask",
      paramLabel = "NAME",
      description = "How masks shrink: area or nearest (A5).")
  String greenMask = "area";

  @Option(
      names = "--green-normalise",
      paramLabel = "NAME",
      description = "none, or max: maps divided by their largest value (A6).")
  String greenNormalise = "none";

  @Option(
      names = "--detail-weighting",
      paramLabel = "NAME",
      description = "Of timesteps: none or snr (A9).")
  String detailWeighting = "none";

  @Option(
      names = "--detail-t-max",
      paramLabel = "N",
      description = "L_detail counts below this timestep alone (A9).")
  @Range(least = 1, most = 1000)
  @Nullable Integer detailTMax;

  @Option(
      names = "--detail-clamp",
      paramLabel = "X",
      description = "The estimate is clamped to +-X first (A9).")
  @Nullable Double detailClamp;

  @Option(names = "--detail-norm", paramLabel = "NAME", description = "l1 or mse (A10).")
  String detailNorm = "l1";

  @Option(
      names = "--detail-space",
      paramLabel = "NAME",
      description = "latent, pixel, or pixel-image: against the training picture (A11).")
  String detailSpace = "latent";

  @Option(names = "--detail-sobel", paramLabel = "NAME", description = "signed or abs (A11).")
  String detailSobel = "signed";

  @Option(
      names = "--detail-band",
      paramLabel = "N",
      description = "Only within N pixels of the mask's edge; 0, the default, is the mask (A12).")
  @Range(least = 0, most = 64)
  int detailBand;

  @Option(
      names = "--head-activation",
      paramLabel = "NAME",
      description = "A new head ends in silu or sigmoid (A13).")
  @Nullable String headActivation;

  @Option(
      names = "--head-hidden",
      paramLabel = "N",
      description = "Channels within a new head, default: as many as it reads (A13).")
  @Range(least = 1, most = 65_536)
  @Nullable Integer headHidden;

  @Option(
      names = "--head-feature",
      paramLabel = "NAME",
      description = "A new head reads conv-act, after the last norm, or up-block, before (A14).")
  @Nullable String headFeature;

  @Option(
      names = "--latent-dice",
      paramLabel = "NAME",
      description = "Dice of masks above zero, raw, or clamped to unit (A13).")
  String latentDice = "zero";

  @Option(
      names = "--latent-mean",
      description = "The head sees the mean of the latents' distribution, not a sample.")
  boolean latentMean;

  @Option(
      names = "--latent-estimate-below",
      paramLabel = "N",
      description = "Below this timestep the head sees the UNet's estimate (A15).")
  @Range(least = 0, most = 1000)
  int latentEstimateBelow;

  @Option(names = "--dice-intersection", paramLabel = "NAME", description = "product or min (A19).")
  String diceIntersection = "product";

  /** The losses of a stage as the flags say. */
  LossOptions losses(Checks checks, Stage stage) {
    Map<Term, Double> weights = new EnumMap<>(Term.class);
    weight(checks, stage, weights, Term.NOISE, "--noise-weight", noiseWeight);
    weight(checks, stage, weights, Term.GREEN, "--green-weight", greenWeight);
    weight(checks, stage, weights, Term.DETAIL, "--detail-weight", detailWeight);
    weight(checks, stage, weights, Term.LATENT, "--latent-weight", latentWeight);
    if (stage == Stage.DECODER) {
      weights.put(Term.RECONSTRUCTION, 1.0);
    }
    if (stage == Stage.VAE) {
      weights.put(Term.RECONSTRUCTION, 1.0);
      weights.put(Term.KL, klWeight);
    }
    if (weights.values().stream().allMatch(w -> w == 0)) {
      throw checks.wrong("the weights of all losses are 0, expected one above");
    }
    positive(checks, "--snr-gamma", snrGamma);
    positive(checks, "--detail-clamp", detailClamp);
    return new LossOptions(weights, snrGamma, green(checks), detail(checks), matting(checks));
  }

  private static void positive(Checks checks, String flag, @Nullable Double value) {
    if (value != null && !(value > 0 && Double.isFinite(value))) {
      throw checks.wrong(flag + " is " + value + ", expected a number above 0");
    }
  }

  private static void weight(
      Checks checks,
      Stage stage,
      Map<Term, Double> weights,
      Term term,
      String flag,
      @Nullable Double given) {
    boolean possible =
        switch (stage) {
          case UNET, SCRATCH -> term != Term.LATENT;
          case JOINT -> true;
          case HEAD -> term == Term.LATENT;
          case VAE, DECODER -> false;
        };
    if (given != null && given > 0 && !possible) {
      throw checks.wrong(flag + " has no place in stage " + stage.key());
    }
    weights.put(term, given != null ? given : stage.terms().contains(term) ? 1.0 : 0.0);
  }

  private GreenOptions green(Checks checks) {
    Set<Integer> levels = new TreeSet<>();
    if (greenLevels != null) {
      for (String level : greenLevels.split(",", -1)) {
        if (!level.strip().matches("\\d{1,2}")) {
          throw checks.wrong(
              "--green-levels is '" + greenLevels + "', expected numbers such as 1,2");
        }
        levels.add(Integer.parseInt(level.strip()));
      }
    }
    String token =
        checks.choice("--green-token", greenToken, List.of("first", "last", "mean", "max"));
    return new GreenOptions(
        switch (token) {
          case "first" -> GreenOptions.Token.FIRST;
          case "mean" -> GreenOptions.Token.MEAN;
          case "max" -> GreenOptions.Token.MAX;
          default -> GreenOptions.Token.LAST;
        },
        second(checks, "--green-heads", greenHeads, "mean", "each"),
        second(checks, "--green-mask", greenMask, "area", "nearest"),
        second(checks, "--green-normalise", greenNormalise, "none", "max"),
        levels);
  }

  private DetailOptions detail(Checks checks) {
    String space =
        checks.choice("--detail-space", detailSpace, List.of("latent", "pixel", "pixel-image"));
    return new DetailOptions(
        switch (space) {
          case "pixel" -> DetailOptions.Space.PIXEL;
          case "pixel-image" -> DetailOptions.Space.PIXEL_TARGET_IMAGE;
          default -> DetailOptions.Space.LATENT;
        },
        second(checks, "--detail-sobel", detailSobel, "signed", "abs"),
        second(checks, "--detail-norm", detailNorm, "l1", "mse"),
        second(checks, "--detail-weighting", detailWeighting, "none", "snr"),
        detailTMax,
        detailClamp,
        detailBand);
  }

  private MattingOptions matting(Checks checks) {
    String dice = checks.choice("--latent-dice", latentDice, List.of("zero", "raw", "unit"));
    return new MattingOptions(
        switch (dice) {
          case "raw" -> MattingOptions.Dice.RAW;
          case "unit" -> MattingOptions.Dice.UNIT;
          default -> MattingOptions.Dice.ABOVE_ZERO;
        },
        second(checks, "--dice-intersection", diceIntersection, "product", "min"),
        latentMean,
        latentEstimateBelow);
  }

  private static boolean second(
      Checks checks, String flag, String value, String first, String second) {
    return checks.choice(flag, value, List.of(first, second)).equals(second);
  }

  /** The head that is asked for, or null where nothing is said about one. */
  @Nullable MattingHeadConfig head(Checks checks, int channels) {
    if (headActivation == null && headHidden == null && headFeature == null) {
      return null;
    }
    boolean sigmoid =
        headActivation != null
            && second(checks, "--head-activation", headActivation, "silu", "sigmoid");
    boolean raw =
        headFeature != null
            && second(checks, "--head-feature", headFeature, "conv-act", "up-block");
    return new MattingHeadConfig(
        channels,
        headHidden == null ? channels : headHidden,
        raw ? MattingHeadConfig.Feature.UP_BLOCK : MattingHeadConfig.Feature.CONV_ACT,
        sigmoid ? MattingHeadConfig.Activation.SIGMOID : MattingHeadConfig.Activation.SILU);
  }
}
