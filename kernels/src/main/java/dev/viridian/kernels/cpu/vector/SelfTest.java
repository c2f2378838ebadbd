package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Compares a kernel with the plain loops before it is first used. On some starts of a JVM the
 * compiler fails to turn Vector API code into vector instructions: the code is then right, but
 * hundreds of times slower than plain loops. Until it is compiled it is, too, so that it gets some
 * time before it is judged.
 */
final class SelfTest {
  private static final double TOLERANCE = 1e-4;

  /** How many times slower than the plain loops is absurd. */
  private static final int ABSURD = 20;

  /** Long: on a busy machine the compiler is late, and plain loops for good would be worse. */
  private static final long PATIENCE_NANOS = 20_000_000_000L;

  private SelfTest() {}

  /** Numbers between −1 and 1 in memory that lives as long as it is referred to. */
  static MemorySegment numbers(DType type, int count) {
    MemorySegment s = Arena.ofAuto().allocate((long) count * type.bytes(), 64);
    // Arrays, since all of this runs in the interpreter when a program starts.
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (i * 37 % 101 - 50) / 64f;
    }
    if (type == DType.F16) {
      short[] halves = new short[count];
      for (int i = 0; i < count; i++) {
        halves[i] = Float.floatToFloat16(values[i]);
      }
      MemorySegment.copy(halves, 0, s, Numbers.SHORT, 0, count);
    } else {
      MemorySegment.copy(values, 0, s, Numbers.FLOAT, 0, count);
    }
    return s;
  }

  /**
   * Null if both write the same numbers and the candidate does so in reasonable time.
   *
   * @param count of numbers that they write
   */
  static @Nullable String fault(
      int count, Consumer<HostBuffer> candidate, Consumer<HostBuffer> reference) {
    HostBuffer expected = new HostBuffer(numbers(DType.F32, count));
    HostBuffer actual = new HostBuffer(numbers(DType.F32, count));
    reference.accept(expected);
    long usual = time(reference, expected);
    candidate.accept(actual);
    float[] right = floats(expected, count);
    float[] found = floats(actual, count);
    for (int i = 0; i < count; i++) {
      float e = right[i];
      float a = found[i];
      if (!(Math.abs(a - e) <= TOLERANCE * Math.max(1, Math.abs(e)))) {
        return "value " + i + " is " + a + ", expected " + e;
      }
    }
    long start = System.nanoTime();
    long spent = time(candidate, actual);
    while (spent > ABSURD * usual) {
      if (System.nanoTime() - start > PATIENCE_NANOS) {
        return spent / usual + " times slower than plain loops";
      }
      usual = Math.max(1, Math.min(usual, time(reference, expected)));
      spent = Math.min(spent, time(candidate, actual));
    }
    return null;
  }

  private static float[] floats(HostBuffer buffer, int count) {
    float[] values = new float[count];
    MemorySegment.copy(buffer.segment(), Numbers.FLOAT, 0, values, 0, count);
    return values;
  }

  private static long time(Consumer<HostBuffer> kernel, HostBuffer to) {
    long start = System.nanoTime();
    kernel.accept(to);
    return Math.max(1, System.nanoTime() - start);
  }
}
