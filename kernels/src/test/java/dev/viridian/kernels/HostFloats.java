package dev.viridian.kernels;

import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/** Host buffers for tests; their memory goes with the garbage. */
public final class HostFloats {
  private HostFloats() {}

  /** A buffer of these values. */
  public static HostBuffer of(float... values) {
    MemorySegment segment = Arena.ofAuto().allocate(4L * values.length, 64);
    MemorySegment.copy(values, 0, segment, ValueLayout.JAVA_FLOAT, 0, values.length);
    return new HostBuffer(segment);
  }

  /** A buffer of n values that no kernel should leave in place. */
  public static HostBuffer unwritten(long n) {
    float[] values = new float[Math.toIntExact(n)];
    Arrays.fill(values, -7e30f);
    return of(values);
  }

  /** A buffer of n standard normal values. */
  public static HostBuffer normal(RandomGenerator random, long n) {
    float[] values = new float[Math.toIntExact(n)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return of(values);
  }

  /** The values of a buffer. */
  public static float[] values(HostBuffer buffer) {
    return buffer.segment().toArray(ValueLayout.JAVA_FLOAT);
  }

  /** Σ a·b in double. */
  public static double dot(HostBuffer a, HostBuffer b) {
    float[] x = values(a);
    float[] y = values(b);
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      sum += (double) x[i] * y[i];
    }
    return sum;
  }
}
