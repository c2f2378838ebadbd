package dev.viridian.diffusion.scheduler;

import dev.viridian.engine.Tensor;
import java.util.Arrays;

/**
 * Euler's method of Karras et al., "Elucidating the Design Space of Diffusion-Based Generative
 * Models" (2022), algorithm 2 without the correction:
 *
 * <pre>
 * σ̂  = σ (1 + γ),  x̂ = x + √(σ̂² − σ²) · s_noise · noise     (noise is drawn only where γ &gt; 0)
 * x' = x̂ + (σ' − σ̂) (x̂ − x₀) / σ̂
 * γ  = min(s_churn / n, √2 − 1) while s_tmin ≤ σ ≤ s_tmax, otherwise 0
 * </pre>
 *
 * <p>The levels are those of the timesteps, interpolated, or spaced by themselves ({@code
 * use_karras_sigmas} and the like) between the largest and the smallest of these; timesteps are
 * fractions then.
 */
final class EulerScheduler extends Scheduler {
  private final NoiseTable table;
  private final Prediction prediction;
  private final TimestepSpacing spacing;
  private final SigmaSpacing sigmaSpacing;
  private final boolean logLinear;
  private final boolean endsAboveZero;
  private final double churn;
  private final double churnFrom;
  private final double churnTo;
  private final double churnNoise;

  EulerScheduler(SchedulerConfig config) {
    super(config);
    table = NoiseTable.ofPositive(config);
    prediction = Prediction.of(config);
    spacing = TimestepSpacing.of(config, TimestepSpacing.LINSPACE);
    sigmaSpacing = SigmaSpacing.of(config);
    logLinear =
        config.choice("interpolation_type", "linear", "linear", "log_linear").equals("log_linear");
    endsAboveZero =
        config.choice("final_sigmas_type", "zero", "zero", "sigma_min").equals("sigma_min");
    config.choice("timestep_type", "discrete", "discrete");
    churn = config.number("s_churn", 0, 0, Double.MAX_VALUE);
    churnFrom = config.number("s_tmin", 0, 0, Double.POSITIVE_INFINITY);
    churnTo = config.number("s_tmax", Double.POSITIVE_INFINITY, 0, Double.POSITIVE_INFINITY);
    churnNoise = config.number("s_noise", 1, 0, Double.MAX_VALUE);
  }

  @Override
  public NoiseTable table() {
    return table;
  }

  @Override
  SchedulerRun plan(int steps) {
    double[] levels = table.sigmas();
    double[] timesteps = spacing.timesteps(config(), steps);
    double[] sigmas =
        logLinear
            ? SigmaSpacing.EXPONENTIAL.sigmas(levels[levels.length - 1], levels[0], steps + 1)
            : Arrays.stream(timesteps).map(t -> SigmaSpacing.sigmaAt(t, levels)).toArray();
    if (sigmaSpacing != SigmaSpacing.TIMESTEPS) {
      double max = config().number("sigma_max", sigmas[0], 0, Double.MAX_VALUE);
      double min = config().number("sigma_min", sigmas[sigmas.length - 1], 0, Double.MAX_VALUE);
      sigmas = sigmaSpacing.sigmas(max, min, steps);
      timesteps =
          Arrays.stream(sigmas).map(sigma -> SigmaSpacing.timestepOf(sigma, levels)).toArray();
    }
    return new Euler(timesteps, SigmaRun.ending(sigmas, endsAboveZero ? levels[0] : 0));
  }

  private final class Euler extends SigmaRun {
    Euler(double[] timesteps, double[] sigmas) {
      super(timesteps, sigmas, spacing);
    }

    @Override
    SchedulerStep advance(Tensor output, int call, Tensor sample, NoiseSource noise) {
      double sigma = sigmas[call];
      double gamma =
          churnFrom <= sigma && sigma <= churnTo
              ? Math.min(churn / (sigmas.length - 1), Math.sqrt(2) - 1)
              : 0;
      double hat = sigma * (gamma + 1);
      Combination x = Combination.of(sample);
      if (gamma > 0) {
        double factor = churnNoise * Math.sqrt(hat * hat - sigma * sigma);
        x = x.plus(Combination.of(noise.next()).times(factor));
      }
      // only epsilon is scaled by the raised level; v keeps the level that the model was told
      double level = prediction == Prediction.EPSILON ? hat : sigma;
      Combination clean = SigmaRun.clean(prediction, x, Combination.of(output), level);
      Combination next = x.plus(x.minus(clean).times((sigmas[call + 1] - hat) / hat));
      return new SchedulerStep(next.evaluate(), clean.evaluate());
    }
  }
}
