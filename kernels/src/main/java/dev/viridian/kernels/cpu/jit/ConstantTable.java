package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Constants that generated code reads as whole vectors; kept for good. */
final class ConstantTable {
  /** Bytes of a constant: a vector of AVX-512. */
  static final int BYTES = 64;

  private ConstantTable() {}

  /** A vector of each value, one after the other. */
  static MemorySegment of(float... values) {
    int lanes = BYTES / Float.BYTES;
    float[] repeated = new float[lanes * values.length];
    for (int i = 0; i < repeated.length; i++) {
      repeated[i] = values[i / lanes];
    }
    MemorySegment memory = Arena.global().allocate((long) BYTES * values.length, BYTES);
    MemorySegment.copy(repeated, 0, memory, JAVA_FLOAT, 0, repeated.length);
    return memory;
  }
}
