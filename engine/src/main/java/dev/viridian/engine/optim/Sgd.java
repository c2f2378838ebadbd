package dev.viridian.engine.optim;

import dev.viridian.engine.Tensor;
import dev.viridian.kernels.OptimizerKernels;
import java.util.List;
import java.util.Map;

/**
 * Stochastic gradient descent, as PyTorch's without dampening: {@code g += decay·w; b = momentum·b
 * + g} (the first time b = g); {@code w −= lr·b}, or with Nesterov {@code w −= lr·(g +
 * momentum·b)}.
 */
public final class Sgd implements Optimizer {
  /** Constants. */
  public record Options(double momentum, double weightDecay, boolean nesterov) {
    /** Neither momentum nor weight decay. */
    public static final Options DEFAULT = new Options(0, 0, false);

    /** Checks the ranges. */
    public Options {
      if (!(momentum >= 0 && weightDecay >= 0) || (nesterov && momentum == 0)) {
        throw new IllegalArgumentException(
            "Sgd: momentum "
                + momentum
                + " and weight decay "
                + weightDecay
                + " must be at least 0, and Nesterov needs momentum");
      }
    }
  }

  private final Options options;
  private final Slots slots;

  /** For named parameters, contiguous F32. */
  public Sgd(Map<String, Tensor> parameters, Options options) {
    this.options = options;
    this.slots =
        options.momentum == 0 ? new Slots(parameters) : new Slots(parameters, "momentum_buffer");
  }

  @Override
  public void step(GradientSource gradients, double learningRate) {
    slots.update(
        gradients,
        (parameter, gradient, kept, step) -> update(parameter, gradient, kept, step, learningRate));
  }

  private void update(
      Tensor parameter, Tensor gradient, List<Tensor> kept, long step, double learningRate) {
    // Without momentum nothing is kept; the kernel still wants a place for its sum.
    Tensor momentum = kept.isEmpty() ? Slots.unscopedZeros(parameter) : kept.getFirst();
    try {
      OptimizerKernels.Sgd p =
          new OptimizerKernels.Sgd(
              learningRate,
              options.momentum,
              options.weightDecay,
              options.nesterov,
              step == 1 || kept.isEmpty());
      parameter
          .device()
          .kernels()
          .optimizer()
          .sgd(
              p,
              parameter.elements(),
              parameter.buffer("Sgd"),
              gradient.buffer("Sgd"),
              momentum.buffer("Sgd"));
    } finally {
      if (kept.isEmpty()) {
        momentum.close();
      }
    }
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
