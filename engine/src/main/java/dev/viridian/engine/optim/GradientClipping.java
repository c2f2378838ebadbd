package dev.viridian.engine.optim;

import dev.viridian.engine.Tensor;
import dev.viridian.kernels.OptimizerKernels;
import dev.viridian.kernels.PointwiseKernels;
import dev.viridian.kernels.memory.Buffer;
import java.util.Collection;

/** Keeps the gradients of a step from growing too large. */
public final class GradientClipping {
  /** As PyTorch's: the norm that remains is slightly below the limit. */
  private static final double EPS = 1e-6;

  private GradientClipping() {}

  /**
   * The norm √Σg² over all gradients together, in the order of the parameters.
   *
   * @return 0 if no parameter has a gradient
   */
  public static double norm(Collection<Tensor> parameters, GradientSource gradients) {
    double sum = 0;
    for (Tensor parameter : parameters) {
      Tensor gradient = gradients.get(parameter);
      if (gradient != null) {
        Slots.requireGradient(parameter.name(), parameter, gradient);
        OptimizerKernels kernels = gradient.device().kernels().optimizer();
        sum += kernels.sumOfSquares(gradient.elements(), gradient.buffer("norm"));
      }
    }
    return Math.sqrt(sum);
  }

  /**
   * Multiplies all gradients by {@code min(1, maxNorm / (norm + 1e−6))}, in place.
   *
   * @param maxNorm above 0
   * @return the norm before; not finite if a gradient is not
   */
  public static double clip(
      Collection<Tensor> parameters, GradientSource gradients, double maxNorm) {
    if (!(maxNorm > 0)) {
      throw new IllegalArgumentException("clip: expected a norm above 0, got " + maxNorm);
    }
    return unscale(parameters, gradients, 1, maxNorm);
  }

  /**
   * Divides all gradients by the scale that they came with, and clips what they are then, in place.
   *
   * @param scale of the loss, above 0; a power of two keeps every bit
   * @param maxNorm the largest norm; 0 for no clipping
   * @return the norm before clipping, divided by the scale; not finite if a gradient is not, and
   *     then gradients stay as they are
   */
  public static double unscale(
      Collection<Tensor> parameters, GradientSource gradients, double scale, double maxNorm) {
    double norm = norm(parameters, gradients) / scale;
    double clip = maxNorm > 0 ? Math.min(1, maxNorm / (norm + EPS)) : 1;
    double factor = clip / scale;
    if (Double.isFinite(norm) && factor != 1) {
      for (Tensor parameter : parameters) {
        Tensor gradient = gradients.get(parameter);
        if (gradient != null) {
          scale(gradient, (float) factor);
        }
      }
    }
    return norm;
  }

  private static void scale(Tensor gradient, float factor) {
    Buffer buffer = gradient.buffer("clip");
    gradient
        .device()
        .kernels()
        .pointwise()
        .unary(PointwiseKernels.Unary.AFFINE, gradient.elements(), factor, 0, buffer, buffer);
  }
}
