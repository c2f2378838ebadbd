package dev.viridian.engine.io;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Conversions between the floating-point types of weight files. Going down rounds to nearest, ties
 * to even; NaN stays NaN; what is too large becomes infinite. Stateless and thread-safe.
 */
public final class HalfPrecision {
  private HalfPrecision() {}

  /** The value of a bfloat16, exactly. */
  public static float bfloat16ToFloat(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /** The bfloat16 nearest to {@code value}. */
  public static short floatToBfloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (value != value) {
      return (short) (bits >>> 16 | 0x40); // quiet, so that no payload is rounded to infinity
    }
    return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
  }

  /**
   * Number {@code index} of {@code data} as a float.
   *
   * @throws IllegalArgumentException if {@code type} is not F64, F32, F16 or BF16
   */
  static float get(FileType type, MemorySegment data, long index) {
    return switch (type) {
      case F64 -> (float) data.get(ValueLayout.JAVA_DOUBLE_UNALIGNED, index * Double.BYTES);
      case F32 -> data.get(ValueLayout.JAVA_FLOAT_UNALIGNED, index * Float.BYTES);
      case F16 ->
          Float.float16ToFloat(data.get(ValueLayout.JAVA_SHORT_UNALIGNED, index * Short.BYTES));
      case BF16 -> bfloat16ToFloat(data.get(ValueLayout.JAVA_SHORT_UNALIGNED, index * Short.BYTES));
      default -> throw new IllegalArgumentException("convert: " + type + " is no float type");
    };
  }

  /**
   * Converts numbers to float.
   *
   * @param type the type of {@code from}: F64, F32, F16 or BF16
   * @param from the numbers, little-endian, at least {@code to.length} of them
   * @param to takes the floats, all of it
   * @throws IllegalArgumentException if {@code type} is another
   */
  public static void toFloats(FileType type, MemorySegment from, float[] to) {
    for (int i = 0; i < to.length; i++) {
      to[i] = get(type, from, i);
    }
  }

  /**
   * Converts floats to another type.
   *
   * @param from the floats
   * @param type the type of {@code to}: F64, F32, F16 or BF16
   * @param to takes {@code from.length} numbers, little-endian
   * @throws IllegalArgumentException if {@code type} is another
   */
  public static void fromFloats(float[] from, FileType type, MemorySegment to) {
    for (int i = 0; i < from.length; i++) {
      float v = from[i];
      switch (type) {
        case F64 -> to.set(ValueLayout.JAVA_DOUBLE_UNALIGNED, (long) i * Double.BYTES, v);
        case F32 -> to.set(ValueLayout.JAVA_FLOAT_UNALIGNED, (long) i * Float.BYTES, v);
        case F16 ->
            to.set(
                ValueLayout.JAVA_SHORT_UNALIGNED, (long) i * Short.BYTES, Float.floatToFloat16(v));
        case BF16 ->
            to.set(ValueLayout.JAVA_SHORT_UNALIGNED, (long) i * Short.BYTES, floatToBfloat16(v));
        default -> throw new IllegalArgumentException("convert: " + type + " is no float type");
      }
    }
  }
}
