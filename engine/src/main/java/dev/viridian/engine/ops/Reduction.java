package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;

/** What a loss does with its value for each element. */
public enum Reduction {
  /** Nothing: one value for each element. */
  NONE,
  /** The mean of all, of rank 0. */
  MEAN,
  /** The sum of all, of rank 0. */
  SUM;

  /** Reduces the values of all elements. */
  public Tensor apply(Tensor x) {
    return switch (this) {
      case NONE -> x;
      case MEAN -> Mean.of(x);
      case SUM -> Sum.of(x);
    };
  }
}
