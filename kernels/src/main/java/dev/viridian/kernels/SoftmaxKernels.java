package dev.viridian.kernels;

import dev.viridian.kernels.memory.Buffer;

/**
 * Softmax and its kin over the last dimension of contiguous [rows, cols], F32, cols ≥ 1. Written
 * ({@code =}); y may be x, and dx may be dy.
 */
public interface SoftmaxKernels {
  /** {@code y = exp(x − max) / Σ exp(x − max)}. */
  void softmax(long rows, int cols, Buffer x, Buffer y);

  /** {@code dx = y (dy − Σ y dy)}. */
  void softmaxBackward(long rows, int cols, Buffer y, Buffer dy, Buffer dx);

  /** {@code y = x − logSumExp(x)}. */
  void logSoftmax(long rows, int cols, Buffer x, Buffer y);

  /** {@code dx = dy − exp(y) Σ dy}. */
  void logSoftmaxBackward(long rows, int cols, Buffer y, Buffer dy, Buffer dx);

  /** {@code y[row] = log Σ exp(x[row, ·])}. Its gradient is {@code dy softmax(x)}. */
  void logSumExp(long rows, int cols, Buffer x, Buffer y);
}
