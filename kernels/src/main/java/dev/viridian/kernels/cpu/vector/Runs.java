package dev.viridian.kernels.cpu.vector;

import static dev.viridian.kernels.cpu.vector.VectorMath.FLOATS;
import static dev.viridian.kernels.cpu.vector.VectorMath.INTS;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Runs of consecutive numbers: between memory and float arrays. Indices in elements. */
final class Runs {
  private static final int LANES = FLOATS.length();
  private static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, VectorShape.forBitSize(FLOATS.vectorBitSize() / 2));

  /** From here on the copy of the JDK is faster than a loop. */
  private static final int LONG = 64;

  private Runs() {}

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
    if (count >= LONG) {
      MemorySegment.copy(s, Numbers.FLOAT, from << 2, to, at, count);
      return;
    }
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      load(s, from + i).intoArray(to, at + i);
    }
    for (; i < count; i++) {
      to[at + i] = Numbers.get(s, from + i);
    }
  }

  /** One vector of F32 numbers. */
  static FloatVector load(MemorySegment s, long from) {
    return FloatVector.fromMemorySegment(FLOATS, s, from << 2, ByteOrder.LITTLE_ENDIAN);
  }

  /** Writes one vector of F32 numbers. */
  static void store(FloatVector v, MemorySegment s, long to) {
    v.intoMemorySegment(s, to << 2, ByteOrder.LITTLE_ENDIAN);
  }

  private static IntVector loadShorts(MemorySegment s, long from) {
    return (IntVector)
        ShortVector.fromMemorySegment(SHORTS, s, from << 1, ByteOrder.LITTLE_ENDIAN)
            .convertShape(VectorOperators.S2I, INTS, 0);
  }

  private static void readHalves(MemorySegment s, long from, float[] to, int at, int count) {
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      IntVector bits = loadShorts(s, from + i);
      // Exponent and mantissa at a float's places are the number times 2^−112, subnormal ones too.
      FloatVector value =
          bits.and(0x7fff).lanewise(VectorOperators.LSHL, 13).reinterpretAsFloats().mul(0x1p112f);
      IntVector magnitude = value.reinterpretAsInts();
      // ∞ and NaN come out as 2^16 and more.
      IntVector special = magnitude.or(0x7f800000);
      magnitude = magnitude.blend(special, magnitude.compare(VectorOperators.GE, 0x47800000));
      magnitude.or(bits.and(0x80000000)).reinterpretAsFloats().intoArray(to, at + i);
    }
    for (; i < count; i++) {
      to[at + i] = Numbers.get(s, DType.F16, from + i);
    }
  }

  private static void readBrains(MemorySegment s, long from, float[] to, int at, int count) {
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      loadShorts(s, from + i)
          .lanewise(VectorOperators.LSHL, 16)
          .reinterpretAsFloats()
          .intoArray(to, at + i);
    }
    for (; i < count; i++) {
      to[at + i] = Numbers.get(s, DType.BF16, from + i);
    }
  }

  /** Copies rows of {@code length} values, a multiple of the lanes, to contiguous rows. */
  static void copyRows(
      float[] from, int fromAt, int fromStride, int rows, float[] to, int toAt, int length) {
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < length; c += LANES) {
        FloatVector.fromArray(FLOATS, from, fromAt + r * fromStride + c)
            .intoArray(to, toAt + r * length + c);
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
