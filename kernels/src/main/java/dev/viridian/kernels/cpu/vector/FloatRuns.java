package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.MemorySegment;

/**
 * Runs of consecutive numbers: from memory to float arrays. Indices in elements. Plain loops, of
 * which the compiler makes vector instructions by itself: the Vector API crawls until it is
 * compiled, and copies are what a program starts with.
 */
final class FloatRuns {
  /** Numbers of 16 bits that are widened at a time. */
  private static final int BLOCK = 1024;

  private FloatRuns() {}

  /** Reads {@code count} numbers of a floating-point type, widened to float. */
  static void read(MemorySegment s, DType type, long from, float[] to, int at, int count) {
    switch (type) {
      case F32 -> readFloats(s, from, to, at, count);
      case F16 -> readHalves(s, from, to, at, count);
      case BF16 -> readBrains(s, from, to, at, count);
      case I32, I64, U8 -> throw new IllegalArgumentException("not floating point: " + type);
    }
  }

  /** Reads {@code count} F32 numbers. */
  static void readFloats(MemorySegment s, long from, float[] to, int at, int count) {
    MemorySegment.copy(s, Numbers.FLOAT, from << 2, to, at, count);
  }

  private static void readHalves(MemorySegment s, long from, float[] to, int at, int count) {
    short[] halves = new short[Math.min(count, BLOCK)];
    for (int done = 0; done < count; done += BLOCK) {
      int n = Math.min(BLOCK, count - done);
      MemorySegment.copy(s, Numbers.SHORT, 2 * (from + done), halves, 0, n);
      for (int i = 0; i < n; i++) {
        to[at + done + i] = Float.float16ToFloat(halves[i]);
      }
    }
  }

  private static void readBrains(MemorySegment s, long from, float[] to, int at, int count) {
    short[] brains = new short[Math.min(count, BLOCK)];
    for (int done = 0; done < count; done += BLOCK) {
      int n = Math.min(BLOCK, count - done);
      MemorySegment.copy(s, Numbers.SHORT, 2 * (from + done), brains, 0, n);
      for (int i = 0; i < n; i++) {
        to[at + done + i] = Float.intBitsToFloat(brains[i] << 16);
      }
    }
  }

  /** {@code to[toAt + c·toStride + r] = from[fromAt + r·fromStride + c]}. */
  static void transpose(
      float[] from,
      int fromAt,
      int fromStride,
      int rows,
      int columns,
      float[] to,
      int toAt,
      int toStride) {
    int r = 0;
    for (; r <= rows - 4; r += 4) {
      int source = fromAt + r * fromStride;
      for (int c = 0; c < columns; c++) {
        int target = toAt + c * toStride + r;
        to[target] = from[source + c];
        to[target + 1] = from[source + c + fromStride];
        to[target + 2] = from[source + c + 2 * fromStride];
        to[target + 3] = from[source + c + 3 * fromStride];
      }
    }
    for (; r < rows; r++) {
      for (int c = 0; c < columns; c++) {
        to[toAt + c * toStride + r] = from[fromAt + r * fromStride + c];
      }
    }
  }
}
