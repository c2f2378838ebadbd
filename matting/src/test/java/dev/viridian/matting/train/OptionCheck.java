package dev.viridian.matting.train;

import dev.viridian.diffusion.testing.Maps;
import dev.viridian.diffusion.weights.Component;
import dev.viridian.diffusion.weights.MattingHeadConfig;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.ops.Contiguous;
import dev.viridian.engine.testing.GoldenFile;
import dev.viridian.matting.loss.Denoised;
import dev.viridian.matting.loss.DetailLoss;
import dev.viridian.matting.loss.DetailOptions;
import dev.viridian.matting.loss.GreenOptions;
import dev.viridian.matting.loss.MattingLoss;
import dev.viridian.matting.loss.MattingOptions;
import dev.viridian.matting.loss.NoiseLoss;
import dev.viridian.matting.train.GoldenTraining.Comparison;
import dev.viridian.matting.train.GoldenTraining.Model;
import dev.viridian.matting.train.LossOptions.Term;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/** One reading of one loss: its value and its gradients. */
record OptionCheck(GoldenFile file, Comparison x, String option) {

  private static final GreenOptions GREEN = GreenOptions.DEFAULT;
  private static final DetailOptions DETAIL = DetailOptions.DEFAULT;
  private static final MattingOptions MATTING = MattingOptions.DEFAULT;

  private static GreenOptions token(GreenOptions.Token token) {
    return new GreenOptions(token, false, false, false, Set.of());
  }

  private static DetailOptions space(DetailOptions.Space space) {
    return new DetailOptions(space, false, false, false, null, null, 0);
  }

  private static MattingOptions dice(MattingOptions.Dice dice) {
    return new MattingOptions(dice, false, false, 0);
  }

  void run() {
    String name = option.substring("option.".length());
    LossOptions noise = LossOptions.of(Term.NOISE);
    LossOptions green = LossOptions.of(Term.GREEN);
    LossOptions detail = LossOptions.of(Term.DETAIL);
    LossOptions latent = LossOptions.of(Term.LATENT);
    LossOptions options =
        switch (name) {
          case "noise_snr_gamma_1" -> noise.withSnrGamma(1.0);
          case "green_first" -> green.with(token(GreenOptions.Token.FIRST));
          case "green_mean" -> green.with(token(GreenOptions.Token.MEAN));
          case "green_max" -> green.with(token(GreenOptions.Token.MAX));
          case "green_per_head" ->
              green.with(new GreenOptions(GREEN.token(), true, false, false, Set.of()));
          case "green_mask_nearest" ->
              green.with(new GreenOptions(GREEN.token(), false, true, false, Set.of()));
          case "green_normalise_max" ->
              green.with(new GreenOptions(GREEN.token(), false, false, true, Set.of()));
          case "green_levels_1_2" ->
              green.with(new GreenOptions(GREEN.token(), false, false, false, Set.of(1, 2)));
          case "detail_abs_sobel" ->
              detail.with(new DetailOptions(DETAIL.space(), true, false, false, null, null, 0));
          case "detail_mse" ->
              detail.with(new DetailOptions(DETAIL.space(), false, true, false, null, null, 0));
          case "detail_weight_snr" ->
              detail.with(new DetailOptions(DETAIL.space(), false, false, true, null, null, 0));
          case "detail_t_max_500" ->
              detail.with(new DetailOptions(DETAIL.space(), false, false, false, 500, null, 0));
          case "detail_clamp_z0_0.5" ->
              detail.with(new DetailOptions(DETAIL.space(), false, false, false, null, 0.5, 0));
          case "detail_mask_band_1" ->
              detail.with(new DetailOptions(DETAIL.space(), false, false, false, null, null, 1));
          case "detail_pixel" -> detail.with(space(DetailOptions.Space.PIXEL));
          case "detail_pixel_target_image" ->
              detail.with(space(DetailOptions.Space.PIXEL_TARGET_IMAGE));
          case "latent_feature_raw", "latent_sigmoid" -> latent;
          case "latent_dice_raw" -> latent.with(dice(MattingOptions.Dice.RAW));
          case "latent_dice_clamp_0_1" -> latent.with(dice(MattingOptions.Dice.UNIT));
          case "latent_dice_min" -> latent.with(new MattingOptions(MATTING.dice(), true, false, 0));
          case "latent_z0_mean" -> latent.with(new MattingOptions(MATTING.dice(), false, true, 0));
          case "latent_from_z0_hat_below_500" ->
              latent.with(new MattingOptions(MATTING.dice(), false, false, 500));
          default -> throw new AssertionError("no reading is named " + name);
        };
    MattingHeadConfig.Feature feature =
        name.equals("latent_feature_raw")
            ? MattingHeadConfig.Feature.UP_BLOCK
            : MattingHeadConfig.Feature.CONV_ACT;
    MattingHeadConfig.Activation activation =
        name.equals("latent_sigmoid")
            ? MattingHeadConfig.Activation.SIGMOID
            : MattingHeadConfig.Activation.SILU;
    Set<Component> trained = EnumSet.of(Component.UNET, Component.MATTING_HEAD);
    try (Model model = new Model(trained, GoldenTraining.withHead(feature, activation))) {
      Batch batch = GoldenTraining.batch(model.networks, file, 0, file.dims("x0")[0]);
      Objective objective = new Objective(model.networks, model.table, options, false);
      Term term =
          options.weights().entrySet().stream()
              .filter(e -> e.getValue() > 0)
              .findFirst()
              .orElseThrow()
              .getKey();
      Objective.Result result = objective.of(batch);
      x.scalar(option + ".loss", result.terms().get(term).item());
      Map<String, Tensor> weights = model.weights(Component.UNET, Component.MATTING_HEAD);
      GoldenTraining.gradients(weights, () -> objective.of(batch).terms().get(term))
          .forEach((key, value) -> x.tensor(option + ".grad." + key, value));
      if (result.denoised() != null) {
        ofPrediction(model, batch, options, term, result.denoised());
      }
    }
  }

  /** With respect to the UNet's output, and what the pixel space passes through. */
  private void ofPrediction(
      Model model, Batch batch, LossOptions options, Term term, Denoised denoised) {
    Tensor eps = Contiguous.copyOf(denoised.predicted()).requireGradient(true);
    Function<Denoised, Tensor> loss =
        switch (term) {
          case NOISE -> d -> NoiseLoss.of(d, options.snrGamma());
          case DETAIL ->
              d ->
                  DetailLoss.of(
                      options.detail(),
                      d,
                      batch.mask(),
                      model.networks.autoencoder(),
                      batch.pictures());
          case LATENT ->
              d ->
                  MattingLoss.of(
                          options.matting(),
                          GoldenTraining.head(model),
                          MattingLoss.feature(
                              model.networks.autoencoder(),
                              GoldenTraining.head(model),
                              MattingLoss.latents(options.matting(), d, d.clean())),
                          batch.mask())
                      .total();
          case GREEN, RECONSTRUCTION, KL -> null;
        };
    if (loss == null) {
      return; // does not look at the output
    }
    x.tensor(
        option + ".d_eps",
        GoldenTraining.gradients(
                Map.of("eps", eps), () -> loss.apply(TrainingGoldenTest.predicted(denoised, eps)))
            .get("eps"));
    if (option.endsWith("detail_pixel")) {
      Tensor hat = DetailLoss.decodedLuma(model.networks.autoencoder(), denoised.cleanEstimate());
      Tensor ref = DetailLoss.decodedLuma(model.networks.autoencoder(), denoised.clean());
      x.tensor(option + ".I_hat", Maps.channelsFirst(hat));
      x.tensor(option + ".I_ref", Maps.channelsFirst(ref));
      x.tensor(option + ".H_hat", Maps.channelsFirst(DetailLoss.edges(hat, batch.mask(), false)));
      x.tensor(option + ".H_ref", Maps.channelsFirst(DetailLoss.edges(ref, batch.mask(), false)));
    }
  }
}
