package dev.viridian.diffusion.scheduler;

import java.util.List;

/**
 * Noise levels that are chosen by themselves, in place of those of evenly spaced timesteps. All are
 * descending, from the largest to the smallest σ.
 */
enum SigmaSpacing {
  /** The levels of the timesteps. */
  TIMESTEPS,
  /** Karras et al. (2022): even in σ<sup>1/7</sup>. */
  KARRAS,
  /** Even in log σ. */
  EXPONENTIAL,
  /** Quantiles of the Beta(0.6, 0.6) distribution: dense at both ends (arXiv 2407.12173). */
  BETA;

  private static final List<String> FLAGS =
      List.of("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas");

  static SigmaSpacing of(SchedulerConfig config) {
    config.atMostOne(FLAGS);
    return config.flag("use_karras_sigmas", false)
        ? KARRAS
        : config.flag("use_exponential_sigmas", false)
            ? EXPONENTIAL
            : config.flag("use_beta_sigmas", false) ? BETA : TIMESTEPS;
  }

  /** {@code n} levels from {@code max} down to {@code min}. */
  double[] sigmas(double max, double min, int n) {
    double[] out = new double[n];
    for (int i = 0; i < n; i++) {
      double ramp = n == 1 ? 0 : i / (n - 1.0);
      out[i] =
          switch (this) {
            case TIMESTEPS -> throw new IllegalStateException("levels are those of timesteps");
            case KARRAS -> {
              double from = Math.pow(max, 1 / 7.0);
              double to = Math.pow(min, 1 / 7.0);
              yield Math.pow(from + ramp * (to - from), 7);
            }
            case EXPONENTIAL -> Math.exp(Math.log(max) + ramp * (Math.log(min) - Math.log(max)));
            case BETA -> min + betaQuantile(1 - ramp) * (max - min);
          };
    }
    return out;
  }

  /**
   * The timestep, as a fraction, at which the table has a noise level: log σ is interpolated.
   *
   * @param table σ of every timestep, ascending
   */
  static double timestepOf(double sigma, double[] table) {
    double log = Math.log(Math.max(sigma, 1e-10));
    int low = 0;
    while (low < table.length - 2 && Math.log(table[low + 1]) <= log) {
      low++;
    }
    double from = Math.log(table[low]);
    double to = Math.log(table[low + 1]);
    double w = Math.clamp((from - log) / (from - to), 0.0, 1.0);
    return (1 - w) * low + w * (low + 1);
  }

  /** σ at a fractional timestep, σ itself interpolated. */
  static double sigmaAt(double timestep, double[] table) {
    int low = (int) Math.clamp(Math.floor(timestep), 0, table.length - 1);
    if (low == table.length - 1) {
      return table[low];
    }
    return table[low] + (table[low + 1] - table[low]) * (timestep - low);
  }

  private static final double SHAPE = 0.6;

  /** Quantile of Beta(0.6, 0.6), by bisection. */
  static double betaQuantile(double p) {
    if (p <= 0 || p >= 1) {
      return p <= 0 ? 0 : 1;
    }
    if (p > 0.5) {
      return 1 - betaQuantile(1 - p); // the distribution is symmetric
    }
    double half = betaIntegral(0.5);
    double low = 0;
    double high = 0.5;
    for (int i = 0; i < 100; i++) {
      double middle = (low + high) / 2;
      if (betaIntegral(middle) * 0.5 < p * half) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return (low + high) / 2;
  }

  /**
   * {@code ∫₀ˣ (t (1 − t))^(a − 1) dt} for a = 0.6 and x ≤ 1/2, by the continued fraction of the
   * incomplete beta function (DLMF 8.17.22), evaluated backward.
   */
  private static double betaIntegral(double x) {
    double fraction = 1;
    for (int n = 200; n >= 1; n--) {
      int m = n / 2;
      double d =
          n % 2 == 0
              ? m * (SHAPE - m) * x / ((SHAPE + 2 * m - 1) * (SHAPE + 2 * m))
              : -(SHAPE + m) * (2 * SHAPE + m) * x / ((SHAPE + 2 * m) * (SHAPE + 2 * m + 1));
      fraction = 1 + d / fraction;
    }
    return Math.pow(x * (1 - x), SHAPE) / (SHAPE * fraction);
  }
}
