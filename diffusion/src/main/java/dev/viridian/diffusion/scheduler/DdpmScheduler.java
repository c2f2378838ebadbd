package dev.viridian.diffusion.scheduler;

import dev.viridian.engine.Tensor;

/**
 * Ancestral sampling of Ho et al., "Denoising Diffusion Probabilistic Models" (2020), formula 7,
 * from each timestep t to the next of the run, s (ᾱ = 1 after the last):
 *
 * <pre>
 * α = ᾱt / ᾱs,  β = 1 − α
 * x' = √ᾱs β / (1 − ᾱt) · x₀ + √α (1 − ᾱs) / (1 − ᾱt) · x + √v · noise
 * v  = β (1 − ᾱs) / (1 − ᾱt)   (fixed_small)   or   β   (fixed_large)
 * </pre>
 *
 * <p>Noise is drawn at every t above 0.
 */
final class DdpmScheduler extends VariancePreserving {
  private final Prediction prediction;
  private final String variance;

  DdpmScheduler(SchedulerConfig config) {
    super(config);
    prediction = Prediction.ofZeroSnr(config);
    variance =
        config.choice(
            "variance_type", "fixed_small", "fixed_small", "fixed_small_log", "fixed_large");
  }

  @Override
  SchedulerRun plan(int steps) {
    return new Ancestral(wholeTimesteps(steps));
  }

  private final class Ancestral extends Run {
    Ancestral(double[] timesteps) {
      super(timesteps);
    }

    @Override
    SchedulerStep advance(Tensor output, int call, Tensor sample, NoiseSource noise) {
      int t = (int) timestep(call);
      double bar = table.alphaCumprod(t);
      double barNext = call + 1 < calls() ? table.alphaCumprod((int) timestep(call + 1)) : 1;
      double alpha = bar / barNext;

      Combination x = Combination.of(sample);
      Combination clean =
          clipped(
              prediction.clean(x, Combination.of(output), table.signal(t), table.noise(t)),
              config(),
              true);
      Combination next =
          clean
              .times(Math.sqrt(barNext) * (1 - alpha) / (1 - bar))
              .plus(x.times(Math.sqrt(alpha) * (1 - barNext) / (1 - bar)));
      if (t > 0) {
        double v =
            variance.equals("fixed_large")
                ? 1 - alpha
                : Math.max((1 - barNext) / (1 - bar) * (1 - alpha), 1e-20);
        next = next.plus(Combination.of(noise.next()).times(Math.sqrt(v)));
      }
      return new SchedulerStep(next.evaluate(), clean.evaluate());
    }
  }
}
