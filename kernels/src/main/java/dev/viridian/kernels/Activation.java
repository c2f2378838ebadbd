package dev.viridian.kernels;

/** What a fused kernel applies to its result at the end. */
public enum Activation {
  /** Nothing. */
  NONE,
  /** x · sigmoid(x). */
  SILU,
  /** x · Φ(x), exact (by erf). */
  GELU,
  /** x · sigmoid(1.702 x). */
  QUICK_GELU
}
