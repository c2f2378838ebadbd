package dev.viridian.matting.evaluate;

import java.util.Collection;

/**
 * How far an alpha is from the true one, over the whole picture, as the matting literature counts
 * (Xu et al., Deep Image Matting; Rhemann et al. 2009).
 *
 * @param sad the sum of absolute differences, over 1000
 * @param mse the mean squared difference
 * @param grad the sum of squared differences of the gradients' magnitudes, over 1000: each alpha is
 *     stretched to 0…1 and filtered with derivatives of a Gaussian of deviation 1.4 (9×9, of L2
 *     norm 1, the border repeated)
 */
public record MatteErrors(double sad, double mse, double grad) {
  private static final double SIGMA = 1.4;
  private static final int RADIUS = 4;
  private static final double THOUSAND = 1000;
  private static final double[][] KERNEL = kernel();

  /**
   * Compares two alphas, [height, width] in 0…1.
   *
   * @throws IllegalArgumentException if a length is not {@code width · height}
   */
  public static MatteErrors of(double[] alpha, double[] truth, int width, int height) {
    if (alpha.length != width * height || truth.length != alpha.length) {
      throw new IllegalArgumentException(
          alpha.length + " and " + truth.length + " values of " + width + "x" + height);
    }
    double[] ours = gradient(stretched(alpha), width, height);
    double[] theirs = gradient(stretched(truth), width, height);
    double absolute = 0;
    double squared = 0;
    double grad = 0;
    for (int i = 0; i < alpha.length; i++) {
      double d = alpha[i] - truth[i];
      double g = ours[i] - theirs[i];
      absolute += Math.abs(d);
      squared += d * d;
      grad += g * g;
    }
    return new MatteErrors(absolute / THOUSAND, squared / alpha.length, grad / THOUSAND);
  }

  /** The mean of some, of one at least. */
  public static MatteErrors mean(Collection<MatteErrors> all) {
    return new MatteErrors(
        all.stream().mapToDouble(MatteErrors::sad).average().orElseThrow(),
        all.stream().mapToDouble(MatteErrors::mse).average().orElseThrow(),
        all.stream().mapToDouble(MatteErrors::grad).average().orElseThrow());
  }

  /** To 0…1; what is one value everywhere has no gradient and stays. */
  private static double[] stretched(double[] values) {
    double least = Double.POSITIVE_INFINITY;
    double most = Double.NEGATIVE_INFINITY;
    for (double v : values) {
      least = Math.min(least, v);
      most = Math.max(most, v);
    }
    double[] out = values.clone();
    if (most > least) {
      for (int i = 0; i < out.length; i++) {
        out[i] = (out[i] - least) / (most - least);
      }
    }
    return out;
  }

  private static double[] gradient(double[] values, int width, int height) {
    double[] out = new double[values.length];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        double across = 0;
        double down = 0;
        for (int i = -RADIUS; i <= RADIUS; i++) {
          for (int j = -RADIUS; j <= RADIUS; j++) {
            double v =
                values[Math.clamp(y + i, 0, height - 1) * width + Math.clamp(x + j, 0, width - 1)];
            across += KERNEL[i + RADIUS][j + RADIUS] * v;
            down += KERNEL[j + RADIUS][i + RADIUS] * v;
          }
        }
        out[y * width + x] = Math.sqrt(across * across + down * down);
      }
    }
    return out;
  }

  /** A Gaussian down, its derivative across; its sign does not matter for magnitudes. */
  private static double[][] kernel() {
    int n = 2 * RADIUS + 1;
    double[][] kernel = new double[n][n];
    double sum = 0;
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        kernel[i][j] = gauss(i - RADIUS) * (j - RADIUS) * gauss(j - RADIUS);
        sum += kernel[i][j] * kernel[i][j];
      }
    }
    for (double[] row : kernel) {
      for (int j = 0; j < n; j++) {
        row[j] /= Math.sqrt(sum);
      }
    }
    return kernel;
  }

  private static double gauss(double x) {
    return Math.exp(-x * x / (2 * SIGMA * SIGMA));
  }
}
