package dev.viridian.diffusion.scheduler;

import dev.viridian.engine.Tensor;

/**
 * Song et al., "Denoising Diffusion Implicit Models" (2021), formula 12, from timestep t to s = t −
 * ⌊T/n⌋ (which is not always the next timestep of the run):
 *
 * <pre>
 * x' = √ᾱs · x₀ + √(1 − ᾱs − η² v) · ε + η √v · noise,   v = (1 − ᾱs) / (1 − ᾱt) · (1 − ᾱt / ᾱs)
 * </pre>
 *
 * <p>Below timestep 0, ᾱs is ᾱ[0], or 1 with {@code set_alpha_to_one}. Settings of its own: {@code
 * eta} (0: deterministic), {@code use_clipped_model_output} (ε is computed again from the clipped
 * x₀).
 */
final class DdimScheduler extends VariancePreserving {
  private final Prediction prediction;
  private final double finalAlpha;
  private final double eta;
  private final boolean reclip;

  DdimScheduler(SchedulerConfig config) {
    super(config);
    prediction = Prediction.ofZeroSnr(config);
    finalAlpha = config.flag("set_alpha_to_one", true) ? 1 : table.alphaCumprod(0);
    eta = config.number("eta", 0, 0, 1);
    reclip = config.flag("use_clipped_model_output", false);
  }

  @Override
  SchedulerRun plan(int steps) {
    return new Implicit(wholeTimesteps(steps), config().trainSteps() / steps);
  }

  private final class Implicit extends Run {
    private final int stride;

    Implicit(double[] timesteps, int stride) {
      super(timesteps);
      this.stride = stride;
    }

    @Override
    SchedulerStep advance(Tensor output, int call, Tensor sample, NoiseSource noise) {
      int t = (int) timestep(call);
      double bar = table.alphaCumprod(t);
      double barNext = t >= stride ? table.alphaCumprod(t - stride) : finalAlpha;
      double signal = table.signal(t);
      double sigma = table.noise(t);

      Combination x = Combination.of(sample);
      Combination m = Combination.of(output);
      Combination clean = clipped(prediction.clean(x, m, signal, sigma), config(), true);
      Combination epsilon =
          reclip
              ? x.minus(clean.times(signal)).times(1 / sigma)
              : prediction.noise(x, m, signal, sigma);
      double variance = eta * eta * (1 - barNext) / (1 - bar) * (1 - bar / barNext);
      // with zero terminal SNR and eta 1 rounding can take this below 0
      double direction = Math.sqrt(Math.max(1 - barNext - variance, 0));
      Combination next = clean.times(Math.sqrt(barNext)).plus(epsilon.times(direction));
      if (eta > 0) {
        next = next.plus(Combination.of(noise.next()).times(Math.sqrt(Math.max(variance, 0))));
      }
      return new SchedulerStep(next.evaluate(), clean.evaluate());
    }
  }
}
