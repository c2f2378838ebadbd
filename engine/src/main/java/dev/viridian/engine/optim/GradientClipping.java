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
    double norm = norm(parameters, gradients);
    double factor = maxNorm / (norm + EPS);
    if (factor < 1) {
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
