package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.Philox;
import dev.viridian.kernels.RandomKernels;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;

/** Random numbers by plain loops. */
public final class ReferenceRandom implements RandomKernels {
  @Override
  public void uniform(long seed, long offset, long n, Buffer x) {
    MemorySegment to = HostBuffer.of(x);
    int[] words = new int[4];
    for (long i = 0; i < n; i++) {
      long word = offset + i;
      if (i == 0 || word % 4 == 0) {
        Philox.block(seed, word / 4, words);
      }
      Values.setFloat(to, DType.F32, i, (words[(int) (word % 4)] >>> 8) * 0x1p-24f);
    }
  }

  @Override
  public void normal(long seed, long offset, long n, Buffer x) {
    MemorySegment to = HostBuffer.of(x);
    int[] words = new int[4];
    for (long i = 0; i < n; i++) {
      long word = 2 * (offset + i);
      if (i == 0 || word % 4 == 0) {
        Philox.block(seed, word / 4, words);
      }
      int first = (int) (word % 4);
      double u = (Integer.toUnsignedLong(words[first]) + 1) * 0x1p-32;
      double v = Integer.toUnsignedLong(words[first + 1]) * 0x1p-32;
      double value = Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
      Values.setFloat(to, DType.F32, i, (float) value);
    }
  }
}
