package dev.viridian.diffusion.scheduler;

import dev.viridian.engine.Tensor;

/**
 * What DDPM, DDIM and PNDM share: whole timesteps, the sample being {@code √ᾱ · x₀ + √(1 − ᾱ) · ε}
 * at each.
 */
abstract class VariancePreserving extends Scheduler {
  final NoiseTable table;
  final TimestepSpacing spacing;

  VariancePreserving(SchedulerConfig config) {
    super(config);
    table = NoiseTable.of(config);
    spacing = TimestepSpacing.of(config, TimestepSpacing.LEADING);
    config.refuse(
        "thresholding",
        config.flag("thresholding", false),
        "dynamic thresholding is for pixels, not for latents");
  }

  @Override
  public final NoiseTable table() {
    return table;
  }

  /** Whole timesteps, descending. */
  final double[] wholeTimesteps(int steps) {
    double[] timesteps = spacing.timesteps(config(), steps);
    for (int i = 0; i < steps; i++) {
      timesteps[i] = Math.rint(timesteps[i]);
    }
    return timesteps;
  }

  /** {@code clip_sample}: the predicted clean sample is clamped. */
  static Combination clipped(Combination clean, SchedulerConfig config, boolean fallback) {
    if (!config.flag("clip_sample", fallback)) {
      return clean;
    }
    double range = config.number("clip_sample_range", 1, 0, Double.MAX_VALUE);
    return Combination.of(clean.evaluateClamped(range));
  }

  /** A run over whole timesteps. */
  abstract class Run extends SchedulerRun {
    Run(double[] timesteps) {
      super(timesteps);
    }

    @Override
    public final Tensor addNoise(Tensor clean, Tensor noise, int call) {
      int t = (int) timestep(call);
      return Combination.of(clean)
          .times(table.signal(t))
          .plus(Combination.of(noise).times(table.noise(t)))
          .evaluate();
    }
  }
}
