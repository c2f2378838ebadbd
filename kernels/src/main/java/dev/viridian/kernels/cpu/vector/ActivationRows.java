package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Activations of finished results, in place. */
public final class ActivationRows {
  private static final int LANES = VectorMath.FLOATS.length();

  private ActivationRows() {}

  /** Applies an activation to {@code count} F32 numbers from element {@code from} on. */
  public static void apply(Activation activation, MemorySegment s, long from, int count) {
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      Runs.store(VectorMath.activate(activation, Runs.load(s, from + i)), s, from + i);
    }
    if (i < count) {
      // The tail as a vector too: a value's arithmetic must not depend on where its row ends.
      float[] values = new float[LANES];
      Numbers.read(s, DType.F32, from + i, 1, values, 0, count - i);
      VectorMath.activate(activation, FloatVector.fromArray(VectorMath.FLOATS, values, 0))
          .intoArray(values, 0);
      for (int j = i; j < count; j++) {
        Numbers.set(s, from + j, values[j - i]);
      }
    }
  }
}
