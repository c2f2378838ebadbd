package dev.viridian.kernels;

import dev.viridian.kernels.memory.Buffer;

/**
 * Counter-based random numbers (Philox 4×32-10): value i of a stream depends on (seed, offset + i)
 * alone, so that every device and any number of threads draws the same. PyTorch's own CPU sequence
 * is not this one: see the engine's TorchRandom.
 *
 * <p>Word k of a stream is word {@code k mod 4} of block {@code k / 4} as {@link Philox} defines
 * it: counter (low, high word of the block's number, 0, 0), key (low, high word of the seed). Words
 * are unsigned. Offsets are at least 0 and below 2^62.
 */
public interface RandomKernels {
  /** {@code x[i]} uniform in [0, 1), F32: the upper 24 bits of word (offset + i) by 2^−24. */
  void uniform(long seed, long offset, long n, Buffer x);

  /**
   * {@code x[i]} standard normal, F32, by Box–Muller on words a = 2·(offset + i) and b, the next:
   * {@code √(−2 ln u) · cos(2π v)} with {@code u = (a + 1) · 2^−32} in (0, 1] and {@code v = b ·
   * 2^−32} in [0, 1), in binary64, rounded once at the end.
   */
  void normal(long seed, long offset, long n, Buffer x);
}
