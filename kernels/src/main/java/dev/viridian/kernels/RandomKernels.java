package dev.viridian.kernels;

import dev.viridian.kernels.memory.Buffer;

/**
 * Counter-based random numbers (Philox 4×32-10): value i of a stream depends on (seed, offset + i)
 * alone, so that every device and any number of threads draws the same. PyTorch's own CPU sequence
 * is not this one: see the engine's TorchRandom.
 */
public interface RandomKernels {
  /** {@code x[i]} uniform in [0, 1), F32: the upper 24 bits of word (offset + i). */
  void uniform(long seed, long offset, long n, Buffer x);

  /** {@code x[i]} standard normal, F32, by Box–Muller on words 2·(offset + i) and the next. */
  void normal(long seed, long offset, long n, Buffer x);
}
