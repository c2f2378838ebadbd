package dev.viridian.kernels.cuda;

import dev.viridian.kernels.RandomKernels;
import dev.viridian.kernels.memory.Buffer;

/** Launches random.cu. */
final class CudaRandom implements RandomKernels {
  private final CudaDevice device;

  CudaRandom(CudaDevice device) {
    this.device = device;
  }

  @Override
  public void uniform(long seed, long offset, long n, Buffer x) {
    draw("uniform", 4, seed, offset, n, x);
  }

  @Override
  public void normal(long seed, long offset, long n, Buffer x) {
    draw("normal", 2, seed, offset, n, x);
  }

  private void draw(String kernel, int ofABlock, long seed, long offset, long n, Buffer x) {
    if (offset < 0 || offset >= 1L << 62 || n < 0) {
      throw new IllegalArgumentException(
          kernel + ": expected 0 <= offset < 2^62 and n >= 0, got " + offset + " and " + n);
    }
    if (n == 0) {
      return;
    }
    long blocks = (offset + n - 1) / ofABlock - offset / ofABlock + 1;
    device
        .launch("random", kernel)
        .i64(seed)
        .i64(offset)
        .i64(n)
        .i64(blocks)
        .floats(x, n)
        .each(blocks);
  }
}
