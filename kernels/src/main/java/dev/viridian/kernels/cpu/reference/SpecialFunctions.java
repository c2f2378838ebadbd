package dev.viridian.kernels.cpu.reference;

/** Functions that the JDK lacks, accurate to a few units of a double's last place. */
public final class SpecialFunctions {
  private static final double TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);
  private static final double SQRT_HALF = Math.sqrt(0.5);
  private static final double ONE_OVER_SQRT_TWO_PI = 1 / Math.sqrt(2 * Math.PI);

  /** From here on the continued fraction converges faster than the series. */
  private static final double FAR = 2.5;

  private SpecialFunctions() {}

  /** The error function, 2/√π ∫₀ˣ exp(−t²) dt. */
  public static double erf(double x) {
    double a = Math.abs(x);
    if (a < FAR) {
      return series(x);
    }
    return Double.isNaN(x) ? x : Math.copySign(1 - fraction(a), x);
  }

  /** 1 − erf(x), without loss for large x. */
  public static double erfc(double x) {
    if (Double.isNaN(x)) {
      return x;
    }
    if (x >= FAR) {
      return fraction(x);
    }
    return x <= -FAR ? 2 - fraction(-x) : 1 - series(x);
  }

  /** 2/√π exp(−x²) Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!: all terms have the sign of x, so nothing cancels. */
  private static double series(double x) {
    double square = x * x;
    double term = x;
    double sum = x;
    for (int n = 1; Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
      term *= 2 * square / (2 * n + 1);
      sum += term;
    }
    return TWO_OVER_SQRT_PI * Math.exp(-square) * sum;
  }

  /** erfc(x) for x ≥ FAR: exp(−x²)/√π / (x + (1/2)/(x + 1/(x + (3/2)/(x + …)))), from behind. */
  private static double fraction(double x) {
    if (x > 27) {
      return 0;
    }
    double tail = x;
    for (int k = 60; k >= 1; k--) {
      tail = x + k / 2.0 / tail;
    }
    return TWO_OVER_SQRT_PI / 2 * Math.exp(-x * x) / tail;
  }

  /** The standard normal distribution function Φ. */
  public static double normalCdf(double x) {
    return 0.5 * erfc(-x * SQRT_HALF);
  }

  /** The standard normal density. */
  public static double normalPdf(double x) {
    return ONE_OVER_SQRT_TWO_PI * Math.exp(-0.5 * x * x);
  }

  /** 1 / (1 + e^−x). */
  public static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  /** Derivative of x · sigmoid(x). */
  public static double siluDerivative(double x) {
    double s = sigmoid(x);
    return s * (1 + x * (1 - s));
  }

  /** x · Φ(x). */
  public static double gelu(double x) {
    return x == Double.NEGATIVE_INFINITY ? 0 : x * normalCdf(x);
  }

  /** Derivative of {@link #gelu}. */
  public static double geluDerivative(double x) {
    return normalCdf(x) + (Double.isInfinite(x) ? 0 : x * normalPdf(x));
  }
}
