package dev.viridian.kernels.cpu.vector;

import static dev.viridian.kernels.cpu.vector.VectorMath.FLOATS;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;

/** Vectors of consecutive numbers, between memory and float arrays. Indices in elements. */
final class Runs {
  private static final int LANES = FLOATS.length();

  private Runs() {}

  /** One vector of F32 numbers. */
  static FloatVector load(MemorySegment s, long from) {
    return FloatVector.fromMemorySegment(FLOATS, s, from << 2, ByteOrder.LITTLE_ENDIAN);
  }

  /** Writes one vector of F32 numbers. */
  static void store(FloatVector v, MemorySegment s, long to) {
    v.intoMemorySegment(s, to << 2, ByteOrder.LITTLE_ENDIAN);
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
}
