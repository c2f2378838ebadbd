package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/** Numbers in memory. Indices in elements. */
public final class Numbers {
  /** A float in memory; views and mapped files need not be aligned. */
  public static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** The bits of a half-precision number in memory. */
  public static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Numbers() {}

  /** Element {@code index} of F32 memory. */
  public static float get(MemorySegment s, long index) {
    return s.get(FLOAT, index << 2);
  }

  /** Writes element {@code index} of F32 memory. */
  public static void set(MemorySegment s, long index, float value) {
    s.set(FLOAT, index << 2, value);
  }

  /** Writes element {@code index} of F32 memory, rounded. */
  public static void set(MemorySegment s, long index, double value) {
    s.set(FLOAT, index << 2, (float) value);
  }

  /** Writes numbers, rounded, to F32 memory from its beginning on, if they are wanted there. */
  public static void store(double[] values, @Nullable Buffer to) {
    if (to != null) {
      for (int i = 0; i < values.length; i++) {
        set(HostBuffer.of(to), i, values[i]);
      }
    }
  }

  /** Element {@code index} of memory of a floating-point type. */
  public static float get(MemorySegment s, DType type, long index) {
    return switch (type) {
      case F32 -> s.get(FLOAT, index << 2);
      case F16 -> Float.float16ToFloat(s.get(SHORT, index << 1));
      case BF16 -> bf16ToFloat(s.get(SHORT, index << 1));
      case I32, I64, U8 -> throw new IllegalArgumentException("not floating point: " + type);
    };
  }

  /** The value of a bfloat16: it is the upper half of a float. */
  public static float bf16ToFloat(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /** The nearest bfloat16, ties to even; a NaN stays one. */
  public static short floatToBf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    int rounded = bits + 0x7fff + (bits >>> 16 & 1) >>> 16;
    return (short) (Float.isNaN(value) ? bits >>> 16 | 0x40 : rounded);
  }

  /** Elements {@code from + i·step} of memory of a floating-point type, widened, into an array. */
  public static void read(
      MemorySegment s, DType type, long from, long step, float[] to, int at, int count) {
    for (int i = 0; i < count; i++) {
      to[at + i] = get(s, type, from + i * step);
    }
  }

  /** An activation's value. */
  public static double activate(Activation activation, double x) {
    return switch (activation) {
      case NONE -> x;
      case SILU -> x / (1 + Math.exp(-x));
      case GELU -> 0.5 * x * (1 + SpecialFunctions.erf(x / Math.sqrt(2)));
      case QUICK_GELU -> x / (1 + Math.exp(-1.702 * x));
    };
  }
}
