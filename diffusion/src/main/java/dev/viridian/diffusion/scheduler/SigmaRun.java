package dev.viridian.diffusion.scheduler;

import dev.viridian.engine.Tensor;

/**
 * A run over noise levels σ, with the sample {@code x₀ + σ ε}; the model is given {@code x / √(σ² +
 * 1)}. What the Euler family shares.
 */
abstract class SigmaRun extends SchedulerRun {
  /** One more than there are calls; the last is where the run ends. */
  final double[] sigmas;

  private final double initNoiseSigma;

  SigmaRun(double[] timesteps, double[] sigmas, TimestepSpacing spacing) {
    super(timesteps);
    this.sigmas = sigmas;
    double largest = sigmas[0];
    initNoiseSigma =
        spacing == TimestepSpacing.LEADING ? Math.sqrt(largest * largest + 1) : largest;
  }

  /** Rounded to float32, as diffusers keeps them, with the last level appended. */
  static double[] ending(double[] sigmas, double last) {
    double[] out = new double[sigmas.length + 1];
    for (int i = 0; i < sigmas.length; i++) {
      out[i] = (float) sigmas[i];
    }
    out[sigmas.length] = (float) last;
    return out;
  }

  @Override
  public final double[] sigmas() {
    return sigmas.clone();
  }

  @Override
  public final double initNoiseSigma() {
    return initNoiseSigma;
  }

  @Override
  public final Tensor scaleModelInput(Tensor sample, int call) {
    double sigma = sigmas[call];
    return Combination.of(sample).times(1 / Math.sqrt(sigma * sigma + 1)).evaluate();
  }

  /** x₀ by the output of a model that was given the scaled sample. */
  static Combination clean(Prediction prediction, Combination x, Combination output, double sigma) {
    double alpha = 1 / Math.sqrt(sigma * sigma + 1);
    return prediction == Prediction.EPSILON
        ? x.minus(output.times(sigma))
        : prediction.clean(x.times(alpha), output, alpha, sigma * alpha);
  }

  @Override
  public final Tensor addNoise(Tensor clean, Tensor noise, int call) {
    return Combination.of(clean).plus(Combination.of(noise).times(sigmas[call])).evaluate();
  }
}
