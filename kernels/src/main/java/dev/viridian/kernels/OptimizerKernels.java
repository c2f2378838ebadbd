package dev.viridian.kernels;

import dev.viridian.kernels.memory.Buffer;

/** One step of an optimiser on n F32 values, in place. */
public interface OptimizerKernels {
  /**
   * AdamW's constants for one step.
   *
   * @param biasCorrection1 1 − beta1^t, t the step's number from 1
   * @param biasCorrection2 1 − beta2^t
   */
  record AdamW(
      double learningRate,
      double beta1,
      double beta2,
      double eps,
      double weightDecay,
      double biasCorrection1,
      double biasCorrection2) {}

  /**
   * SGD's constants.
   *
   * @param first whether the momentum buffer is still empty: it then becomes the gradient
   */
  record Sgd(
      double learningRate, double momentum, double weightDecay, boolean nesterov, boolean first) {}

  /**
   * {@code w −= lr·wd·w; m = β₁m + (1−β₁)g; v = β₂v + (1−β₂)g²; w −= lr/bc₁ · m / (√v/√bc₂ + eps)}.
   */
  void adamW(AdamW p, long n, Buffer w, Buffer g, Buffer m, Buffer v);

  /** {@code g += wd·w; b = first ? g : momentum·b + g; w −= lr·(nesterov ? g + momentum·b : b)}. */
  void sgd(Sgd p, long n, Buffer w, Buffer g, Buffer b);

  /** {@code shadow −= (1 − decay)(shadow − w)}. */
  void movingAverage(long n, double decay, Buffer w, Buffer shadow);

  /** Σ g², accumulated in double in an order that depends on n alone. */
  double sumOfSquares(long n, Buffer g);
}
