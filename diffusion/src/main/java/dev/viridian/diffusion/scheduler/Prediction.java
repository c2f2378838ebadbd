package dev.viridian.diffusion.scheduler;

import dev.viridian.engine.InputException;

/**
 * What the model's output stands for, where the sample is {@code x = α · x₀ + σ · ε}.
 *
 * <p>{@code epsilon}: the noise ε. {@code v_prediction}: {@code v = α · ε − σ · x₀}, with α² + σ² =
 * 1. {@code sample}: the clean sample x₀.
 */
enum Prediction {
  EPSILON,
  V_PREDICTION,
  SAMPLE;

  static Prediction of(SchedulerConfig config) {
    return switch (config.choice(
        "prediction_type", "epsilon", "epsilon", "v_prediction", "sample")) {
      case "v_prediction" -> V_PREDICTION;
      case "sample" -> SAMPLE;
      default -> EPSILON;
    };
  }

  /** For schedulers whose table goes down to no signal at all, where x says nothing of x₀. */
  static Prediction ofZeroSnr(SchedulerConfig config) {
    Prediction prediction = of(config);
    if (prediction == EPSILON && config.flag("rescale_betas_zero_snr", false)) {
      throw new InputException(
          config
              + ": rescale_betas_zero_snr needs prediction_type v_prediction or sample, found"
              + " epsilon");
    }
    return prediction;
  }

  /** {@code x₀}. */
  Combination clean(Combination x, Combination output, double alpha, double sigma) {
    return switch (this) {
      case EPSILON -> x.minus(output.times(sigma)).times(1 / alpha);
      case V_PREDICTION -> x.times(alpha).minus(output.times(sigma));
      case SAMPLE -> output;
    };
  }

  /** {@code ε}. */
  Combination noise(Combination x, Combination output, double alpha, double sigma) {
    return switch (this) {
      case EPSILON -> output;
      case V_PREDICTION -> output.times(alpha).plus(x.times(sigma));
      case SAMPLE -> x.minus(output.times(alpha)).times(1 / sigma);
    };
  }
}
