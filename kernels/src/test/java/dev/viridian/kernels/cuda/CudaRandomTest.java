package dev.viridian.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.viridian.kernels.memory.CudaBuffer;
import org.junit.jupiter.api.Test;

class CudaRandomTest extends CudaFamilyTest {
  private static final long[] SEEDS = {0, 42, -1, 0x123456789abcdefL};
  private static final long[] OFFSETS = {
    0, 1, 2, 3, 5, 1022, (1L << 33) + 7, (1L << 34) - 9, (1L << 62) - 2000
  };

  @Test
  void drawsTheSameBits() {
    for (long seed : SEEDS) {
      for (long offset : OFFSETS) {
        for (int n : new int[] {0, 1, 2, 3, 4, 5, 1023}) {
          String what = "seed " + seed + ", offset " + offset + ", n " + n;
          agree(
              "uniform, " + what,
              0,
              (k, b) -> k.random().uniform(seed, offset, n, b[0]),
              unwritten(n));
          agree(
              "normal, " + what,
              0,
              (k, b) -> k.random().normal(seed, offset, n, b[0]),
              unwritten(n));
        }
      }
    }
  }

  /** Enough that every branch of the logarithm and the cosine is taken often. */
  @Test
  void drawsManyNormalNumbersWithTheSameBits() {
    agree("normal", 0, (k, b) -> k.random().normal(9, 3, 300_001, b[0]), unwritten(300_001));
  }

  @Test
  void refusesOffsetsOutOfRange() {
    CudaBuffer x = allocator.allocate(16);
    try {
      for (long offset : new long[] {-1, 1L << 62}) {
        assertThrows(
            IllegalArgumentException.class, () -> kernels.random().normal(1, offset, 4, x));
      }
      assertThrows(IllegalArgumentException.class, () -> kernels.random().uniform(1, 0, 5, x));
    } finally {
      allocator.release(x);
    }
  }
}
