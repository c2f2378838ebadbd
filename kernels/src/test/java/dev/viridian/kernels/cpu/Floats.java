package dev.viridian.kernels.cpu;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

/** Buffers of numbers for tests of kernels; freed by the garbage collector. */
final class Floats {
  private Floats() {}

  /** Normally distributed numbers, rounded to the type. */
  static HostBuffer random(Random random, DType type, long count) {
    HostBuffer buffer = zeros(type, count);
    for (long i = 0; i < count; i++) {
      set(buffer, type, i, (float) random.nextGaussian());
    }
    return buffer;
  }

  static HostBuffer random(Random random, long count) {
    return random(random, DType.F32, count);
  }

  static HostBuffer zeros(DType type, long count) {
    return new HostBuffer(Arena.ofAuto().allocate(count * type.bytes(), 64));
  }

  static HostBuffer zeros(long count) {
    return zeros(DType.F32, count);
  }

  /** Memory full of a value that no result has: shows what was not, or wrongly, written. */
  static HostBuffer filled(long count, float value) {
    HostBuffer buffer = zeros(count);
    for (long i = 0; i < count; i++) {
      Numbers.set(buffer.segment(), i, value);
    }
    return buffer;
  }

  static HostBuffer copy(HostBuffer from) {
    HostBuffer buffer = zeros(DType.U8, from.bytes());
    MemorySegment.copy(from.segment(), 0, buffer.segment(), 0, from.bytes());
    return buffer;
  }

  static void set(HostBuffer buffer, DType type, long index, float value) {
    MemorySegment s = buffer.segment();
    switch (type) {
      case F32 -> Numbers.set(s, index, value);
      case F16 -> s.set(Numbers.SHORT, index * 2, Float.floatToFloat16(value));
      case BF16 -> s.set(Numbers.SHORT, index * 2, (short) (Float.floatToIntBits(value) >>> 16));
      case I32, I64, U8 -> throw new IllegalArgumentException(type.toString());
    }
  }

  static float get(HostBuffer buffer, long index) {
    return Numbers.get(buffer.segment(), index);
  }

  static float get(HostBuffer buffer, DType type, long index) {
    return Numbers.get(buffer.segment(), type, index);
  }

  static long count(HostBuffer buffer) {
    return buffer.bytes() / 4;
  }

  /** Inner product in double. */
  static double dot(HostBuffer a, HostBuffer b) {
    double sum = 0;
    for (long i = 0; i < count(a); i++) {
      sum += (double) get(a, i) * get(b, i);
    }
    return sum;
  }

  static double norm(HostBuffer a) {
    return Math.sqrt(dot(a, a));
  }

  /** The largest difference relative to the root mean square of the expected values. */
  static double difference(HostBuffer actual, HostBuffer expected) {
    return difference(actual, expected, 1e-30);
  }

  /** The same, relative to {@code least} if the expected values are smaller. */
  static double difference(HostBuffer actual, HostBuffer expected, double least) {
    double worst = 0;
    for (long i = 0; i < count(expected); i++) {
      double d = Math.abs((double) get(actual, i) - get(expected, i));
      worst = Double.isNaN(d) ? Double.POSITIVE_INFINITY : Math.max(worst, d);
    }
    double scale = norm(expected) / Math.sqrt(Math.max(1, count(expected)));
    return worst == 0 ? 0 : worst / Math.max(scale, least);
  }
}
