package dev.viridian.diffusion.scheduler;

import dev.viridian.engine.Tensor;
import java.util.Arrays;

/**
 * Ancestral sampling with Euler steps (k-diffusion's {@code sample_euler_ancestral}): a step goes
 * below the next level σ', and noise takes it up again:
 *
 * <pre>
 * up² = σ'² (σ² − σ'²) / σ²,  down² = σ'² − up²
 * x'  = x + (down − σ) (x − x₀) / σ + up · noise
 * </pre>
 *
 * <p>Noise is drawn at every step, also at the last, where its factor is 0.
 */
final class EulerAncestralScheduler extends Scheduler {
  private final NoiseTable table;
  private final Prediction prediction;
  private final TimestepSpacing spacing;

  EulerAncestralScheduler(SchedulerConfig config) {
    super(config);
    table = NoiseTable.ofPositive(config);
    prediction = Prediction.of(config);
    spacing = TimestepSpacing.of(config, TimestepSpacing.LINSPACE);
  }

  @Override
  public NoiseTable table() {
    return table;
  }

  @Override
  SchedulerRun plan(int steps) {
    double[] levels = table.sigmas();
    double[] timesteps = spacing.timesteps(config(), steps);
    double[] sigmas = Arrays.stream(timesteps).map(t -> SigmaSpacing.sigmaAt(t, levels)).toArray();
    return new Ancestral(timesteps, SigmaRun.ending(sigmas, 0));
  }

  private final class Ancestral extends SigmaRun {
    Ancestral(double[] timesteps, double[] sigmas) {
      super(timesteps, sigmas, spacing);
    }

    @Override
    SchedulerStep advance(Tensor output, int call, Tensor sample, NoiseSource noise) {
      double from = sigmas[call];
      double to = sigmas[call + 1];
      double up = to * Math.sqrt(Math.max(from * from - to * to, 0)) / from;
      double down = Math.sqrt(Math.max(to * to - up * up, 0));
      Combination x = Combination.of(sample);
      Combination clean = SigmaRun.clean(prediction, x, Combination.of(output), from);
      Combination next =
          x.plus(x.minus(clean).times((down - from) / from))
              .plus(Combination.of(noise.next()).times(up));
      return new SchedulerStep(next.evaluate(), clean.evaluate());
    }
  }
}
