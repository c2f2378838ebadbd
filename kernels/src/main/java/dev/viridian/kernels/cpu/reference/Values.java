package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Single numbers of every type in memory, little-endian. Indices count elements from the start of
 * the segment.
 */
final class Values {
  private Values() {}

  /** The number as F32: exact for the floating-point types, rounded to nearest for whole ones. */
  static float getFloat(MemorySegment s, DType type, long index) {
    return type.isFloat() ? Numbers.get(s, type, index) : (float) getLong(s, type, index);
  }

  /** The number as a whole one: floating-point numbers are cut toward zero. */
  static long getLong(MemorySegment s, DType type, long index) {
    return switch (type) {
      case I32 -> s.get(ValueLayout.JAVA_INT_UNALIGNED, 4 * index);
      case I64 -> s.get(ValueLayout.JAVA_LONG_UNALIGNED, 8 * index);
      case U8 -> Byte.toUnsignedLong(s.get(ValueLayout.JAVA_BYTE, index));
      case F32, BF16, F16 -> (long) getFloat(s, type, index);
    };
  }

  /**
   * Stores a number: BF16 and F16 round to nearest even; whole types cut toward zero and keep to
   * their range.
   */
  static void setFloat(MemorySegment s, DType type, long index, float value) {
    switch (type) {
      case F32 -> Numbers.set(s, index, value);
      case BF16 -> s.set(Numbers.SHORT, 2 * index, Numbers.floatToBf16(value));
      case F16 -> s.set(Numbers.SHORT, 2 * index, Float.floatToFloat16(value));
      case I32 -> s.set(ValueLayout.JAVA_INT_UNALIGNED, 4 * index, (int) value);
      case I64 -> s.set(ValueLayout.JAVA_LONG_UNALIGNED, 8 * index, (long) value);
      case U8 -> s.set(ValueLayout.JAVA_BYTE, index, (byte) Math.clamp((long) value, 0, 255));
    }
  }

  /** Stores a whole number: floating-point types round to nearest, whole ones keep the low bits. */
  static void setLong(MemorySegment s, DType type, long index, long value) {
    switch (type) {
      case I32 -> s.set(ValueLayout.JAVA_INT_UNALIGNED, 4 * index, (int) value);
      case I64 -> s.set(ValueLayout.JAVA_LONG_UNALIGNED, 8 * index, value);
      case U8 -> s.set(ValueLayout.JAVA_BYTE, index, (byte) value);
      case F32, BF16, F16 -> setFloat(s, type, index, (float) value);
    }
  }
}
