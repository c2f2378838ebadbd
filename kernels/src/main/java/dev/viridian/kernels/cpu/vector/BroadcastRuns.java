package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.BroadcastProblem;
import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A walk over two operands in lines along which each is contiguous or repeats one value.
 *
 * @param line numbers of a line
 * @param stepA 1, or 0 if a repeats along a line; stepB likewise
 * @param outer sizes of what is walked over line by line, outermost first
 */
public record BroadcastRuns(
    long line, int stepA, int stepB, long[] outer, long[] stridesA, long[] stridesB) {
  /** Shorter lines are not worth while, unless they are all there is. */
  private static final int SHORTEST = 16;

  /** Null if the operands do not lie in lines, or in short ones. */
  public static @Nullable BroadcastRuns of(BroadcastProblem p) {
    int rank = p.shape().size();
    long[] shape = new long[rank];
    long[] a = new long[rank];
    long[] b = new long[rank];
    // dimensions of size 1 go, and a dimension that continues the one before it is merged with it
    int kept = 0;
    for (int d = 0; d < rank; d++) {
      long size = p.shape().get(d);
      if (size == 1) {
        continue;
      }
      long strideA = p.aStrides().get(d);
      long strideB = p.bStrides().get(d);
      if (kept > 0 && a[kept - 1] == strideA * size && b[kept - 1] == strideB * size) {
        shape[kept - 1] *= size;
        a[kept - 1] = strideA;
        b[kept - 1] = strideB;
      } else {
        shape[kept] = size;
        a[kept] = strideA;
        b[kept] = strideB;
        kept++;
      }
    }
    if (kept == 0) {
      return new BroadcastRuns(1, 0, 0, new long[0], new long[0], new long[0]);
    }
    int last = kept - 1;
    boolean lines = (a[last] == 0 || a[last] == 1) && (b[last] == 0 || b[last] == 1);
    if (!lines || last > 0 && shape[last] < SHORTEST) {
      return null;
    }
    return new BroadcastRuns(
        shape[last],
        (int) a[last],
        (int) b[last],
        Arrays.copyOf(shape, last),
        Arrays.copyOf(a, last),
        Arrays.copyOf(b, last));
  }

  /** Where line {@code index} of a begins. */
  public long startA(long index) {
    return start(index, stridesA);
  }

  /** Where line {@code index} of b begins. */
  public long startB(long index) {
    return start(index, stridesB);
  }

  private long start(long index, long[] strides) {
    long at = 0;
    long rest = index;
    for (int d = outer.length - 1; d >= 0; d--) {
      at += rest % outer[d] * strides[d];
      rest /= outer[d];
    }
    return at;
  }

  /** Reads a part of a line: {@code count} numbers from {@code within} on, or one repeated. */
  static void read(MemorySegment s, long start, int step, long within, float[] to, int count) {
    if (step == 1) {
      FloatRuns.readFloats(s, start + within, to, 0, count);
    } else {
      Arrays.fill(to, 0, count, Numbers.get(s, start));
    }
  }
}
