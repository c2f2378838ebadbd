package dev.viridian.engine.optim;

import dev.viridian.engine.Tensor;
import dev.viridian.kernels.OptimizerKernels;
import java.util.Map;

/**
 * Adam with decoupled weight decay, as PyTorch's:
 *
 * <pre>{@code
 * w −= lr·decay·w;  m = β₁·m + (1 − β₁)·g;  v = β₂·v + (1 − β₂)·g²
 * w −= lr / (1 − β₁^t) · m / (√v / √(1 − β₂^t) + eps)
 * }</pre>
 */
public final class AdamW implements Optimizer {
  /**
   * Constants.
   *
   * @param beta1 from 0 to below 1
   * @param beta2 from 0 to below 1
   */
  public record Options(double beta1, double beta2, double eps, double weightDecay) {
    /** β 0.9 and 0.999, eps 1e−8, weight decay 0.01. */
    public static final Options DEFAULT = new Options(0.9, 0.999, 1e-8, 1e-2);

    /** Checks the ranges. */
    public Options {
      if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1 && eps >= 0 && weightDecay >= 0)) {
        throw new IllegalArgumentException(
            "AdamW: betas must be from 0 to below 1, eps and weight decay at least 0: "
                + beta1
                + ", "
                + beta2
                + ", "
                + eps
                + ", "
                + weightDecay);
      }
    }

    /** The same with another weight decay. */
    public Options withWeightDecay(double decay) {
      return new Options(beta1, beta2, eps, decay);
    }
  }

  private final Options options;
  private final Slots slots;

  /** For named parameters, contiguous F32. */
  public AdamW(Map<String, Tensor> parameters, Options options) {
    this.options = options;
    this.slots = new Slots(parameters, "exp_avg", "exp_avg_sq");
  }

  @Override
  public void step(GradientSource gradients, double learningRate) {
    slots.update(
        gradients,
        (parameter, gradient, kept, step) -> {
          OptimizerKernels.AdamW p =
              new OptimizerKernels.AdamW(
                  learningRate,
                  options.beta1,
                  options.beta2,
                  options.eps,
                  options.weightDecay,
                  1 - Math.pow(options.beta1, step),
                  1 - Math.pow(options.beta2, step));
          parameter
              .device()
              .kernels()
              .optimizer()
              .adamW(
                  p,
                  parameter.elements(),
                  parameter.buffer("AdamW"),
                  gradient.buffer("AdamW"),
                  kept.get(0).buffer("AdamW"),
                  kept.get(1).buffer("AdamW"));
        });
  }

  @Override
  public Map<String, Tensor> state() {
    return slots.state();
  }

  @Override
  public Map<String, Long> steps() {
    return slots.steps();
  }

  @Override
  public void restore(Map<String, Tensor> state, Map<String, Long> steps) {
    slots.restore(state, steps);
  }

  @Override
  public void close() {
    slots.close();
  }
}
