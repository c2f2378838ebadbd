package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** Single numbers in memory, addressed by their place. */
final class F32 {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

  private F32() {}

  static float get(MemorySegment s, long i) {
    return s.get(FLOAT, i * Float.BYTES);
  }

  /** Rounds to F32 and stores. */
  static void set(MemorySegment s, long i, double value) {
    s.set(FLOAT, i * Float.BYTES, (float) value);
  }

  /**
   * The first n numbers of a parameter, or n times {@code absent} if there is none.
   *
   * @param type F32, F16 or BF16
   */
  static double[] parameter(@Nullable MemorySegment s, DType type, int n, double absent) {
    double[] values = new double[n];
    for (int i = 0; i < n; i++) {
      values[i] =
          s == null
              ? absent
              : switch (type) {
                case F32 -> get(s, i);
                case F16 -> Float.float16ToFloat(s.get(SHORT, (long) i * Short.BYTES));
                case BF16 -> Float.intBitsToFloat(s.get(SHORT, (long) i * Short.BYTES) << 16);
                case I32, I64, U8 ->
                    throw new IllegalArgumentException("parameters of type " + type);
              };
    }
    return values;
  }

  /** Stores all of {@code values}, rounded to F32; nothing if {@code s} is null. */
  static void store(double[] values, @Nullable MemorySegment s) {
    if (s != null) {
      for (int i = 0; i < values.length; i++) {
        set(s, i, values[i]);
      }
    }
  }
}
