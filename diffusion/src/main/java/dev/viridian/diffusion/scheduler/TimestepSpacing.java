package dev.viridian.diffusion.scheduler;

import dev.viridian.engine.InputException;

/**
 * Which of the training timesteps a run of few steps visits (Lin et al., table 2).
 *
 * <p>With T training timesteps: {@code linspace} takes equal parts from 0 to T − 1, both included;
 * {@code leading} every ⌊T/n⌋-th from {@code steps_offset} on; {@code trailing} goes down from T −
 * 1 by T/n.
 */
enum TimestepSpacing {
  LEADING,
  LINSPACE,
  TRAILING;

  static TimestepSpacing of(SchedulerConfig config, TimestepSpacing fallback) {
    return switch (config.choice("timestep_spacing", "", "leading", "linspace", "trailing")) {
      case "leading" -> LEADING;
      case "linspace" -> LINSPACE;
      case "trailing" -> TRAILING;
      default -> fallback;
    };
  }

  /** The {@code n} timesteps of a run, descending; fractions only with {@code linspace}. */
  double[] timesteps(SchedulerConfig config, int n) {
    int train = config.trainSteps();
    double[] out = new double[n];
    int offset = offset(config);
    int ratio = train / n;
    for (int i = 0; i < n; i++) {
      out[i] =
          switch (this) {
            case LEADING -> (double) (n - 1 - i) * ratio + offset;
            case LINSPACE ->
                n == 1 ? 0 : i == 0 ? train - 1 : (n - 1 - i) * ((train - 1.0) / (n - 1));
            case TRAILING -> Math.rint(train - i * ((double) train / n)) - 1;
          };
    }
    return checked(out, config, train);
  }

  /**
   * The {@code n} whole timesteps of a solver that counts to n + 1 and leaves out the last: what
   * DPM-Solver does.
   *
   * @param last training timesteps in use, at most all of them
   */
  double[] timestepsBeforeLast(SchedulerConfig config, int n, int last) {
    int train = config.trainSteps();
    int offset = offset(config);
    double step = (double) train / n;
    int count = this == TRAILING ? (int) Math.min(n, Math.ceil(last / step)) : n;
    double[] out = new double[count];
    for (int i = 0; i < count; i++) {
      out[i] =
          switch (this) {
            case LEADING -> (double) (n - i) * (last / (n + 1)) + offset;
            case LINSPACE -> Math.rint(i == 0 ? last - 1 : (n - i) * ((last - 1.0) / n));
            case TRAILING -> Math.rint(last - i * step) - 1;
          };
    }
    return checked(out, config, train);
  }

  /** {@code steps_offset}, which counts for {@code leading} alone. */
  private static int offset(SchedulerConfig config) {
    return config.whole("steps_offset", 0, 0, config.trainSteps());
  }

  private static double[] checked(double[] timesteps, SchedulerConfig config, int train) {
    if (timesteps[0] > train - 1) {
      throw new InputException(
          timesteps.length
              + " steps with timestep_spacing leading and the steps_offset of "
              + config
              + " begin at timestep "
              + (int) timesteps[0]
              + ", expected at most "
              + (train - 1)
              + "; take fewer steps or another spacing");
    }
    return timesteps;
  }
}
