package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.MemorySegment;

/**
 * What trials of generated functions share. Arrays and small methods, since all of them run in the
 * interpreter when a program starts.
 */
final class Trial {
  private Trial() {}

  /** Fills memory with numbers between −1 and 1. */
  static float[] fill(MemorySegment s, int step) {
    float[] values = new float[(int) (s.byteSize() / Float.BYTES)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (i * step % 101 - 50) / 64f;
    }
    MemorySegment.copy(values, 0, s, JAVA_FLOAT, 0, values.length);
    return values;
  }

  /** Fills memory with bfloat16 between −1 and 1. */
  static float[] words(MemorySegment s, int step) {
    float[] values = new float[(int) (s.byteSize() / Short.BYTES)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (i * step % 101 - 50) / 64f;
      s.setAtIndex(JAVA_SHORT, i, Numbers.floatToBf16(values[i]));
    }
    return values;
  }

  /** The same sum of products as {@link #dot} where {@code a} and {@code b} hold words. */
  static float dotWords(float[] a, int from, float[] b, int at, int step, int count) {
    float sum = 0;
    for (int half = 0; half < 2; half++) {
      for (int i = 0; i < count; i++) {
        sum += a[2 * (from + i) + half] * b[2 * (at + i * step) + half];
      }
    }
    return sum;
  }

  /** {@code Σ a[from + i] · b[at + i · step]} of {@code count} pairs. */
  static float dot(float[] a, int from, float[] b, int at, int step, int count) {
    float sum = 0;
    int j = at;
    for (int i = from; i < from + count; i++) {
      sum += a[i] * b[j];
      j += step;
    }
    return sum;
  }
}
