package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Generated code of e^x for x ≤ 0: with n the whole number nearest to x·log₂e, 2^(x·log₂e − n) is a
 * polynomial of degree 5 and 2^n is put together from its bits. The relative error is below 2e−7,
 * rounding included; e^0 is exactly 1, what is less than the smallest normal number becomes 0, and
 * that of NaN is NaN.
 */
final class Exponential {
  /** The first of the level's registers that hold constants. */
  static final int FIRST = 6;

  private static final int ROUND = 0;
  private static final int LEAST = 1;
  private static final int LOG2_E_HIGH = 2;
  private static final int LOG2_E_LOW = 3;
  private static final int COEFFICIENTS = 4;

  /** Of a polynomial fitted to the least relative error between −½ and ½, the highest first. */
  private static final float[] POLYNOMIAL = {
    0x1.5bba14p-10f, 0x1.3cea88p-7f, 0x1.c6b752p-5f, 0x1.ebf9bcp-3f, 0x1.62e42ap-1f, 1f
  };

  private static final int CONSTANTS = COEFFICIENTS + POLYNOMIAL.length;

  /** Where the code reads its constants from. */
  private static final MemorySegment VALUES = values();

  private static MemorySegment values() {
    double log2e = 1 / Math.log(2);
    float high = (float) log2e;
    MemorySegment values = Arena.global().allocate(4L * CONSTANTS, 64);
    // Adding it rounds to a whole number n and leaves n + 127 in the lowest bits.
    values.setAtIndex(JAVA_FLOAT, ROUND, 0x1.8p23f + 127);
    values.setAtIndex(JAVA_FLOAT, LEAST, (float) (-127 / log2e));
    values.setAtIndex(JAVA_FLOAT, LOG2_E_HIGH, high);
    values.setAtIndex(JAVA_FLOAT, LOG2_E_LOW, (float) (log2e - high));
    MemorySegment.copy(POLYNOMIAL, 0, values, JAVA_FLOAT, 4L * COEFFICIENTS, POLYNOMIAL.length);
    return values;
  }

  private final X64Assembler a;
  private final VectorLevel level;

  /** Code of a level, appended to {@code a}. */
  Exponential(X64Assembler a, VectorLevel level) {
    this.a = a;
    this.level = level;
  }

  /** Loads the constants. */
  void prepare(Gpr scratch) {
    a.mov(scratch, VALUES.address());
    for (int i = 0; i < CONSTANTS; i++) {
      a.vbroadcastss(constant(i), Mem.at(scratch, Float.BYTES * i));
    }
  }

  private Vec constant(int i) {
    return level.register(FIRST + i);
  }

  /** {@code result = e^x}; x and {@code power} are overwritten. */
  void apply(Vec result, Vec x, Vec power) {
    a.vmaxps(x, constant(LEAST), x); // in this order NaN stays
    a.vmovaps(power, constant(ROUND));
    a.vfmadd231ps(power, x, constant(LOG2_E_HIGH));
    a.vsubps(result, power, constant(ROUND)); // n + 127 − 127, exactly
    a.vfmsub231ps(result, x, constant(LOG2_E_HIGH));
    a.vfmadd231ps(result, x, constant(LOG2_E_LOW));
    a.vmovaps(x, constant(COEFFICIENTS));
    for (int i = 1; i < POLYNOMIAL.length; i++) {
      a.vfmadd213ps(x, result, constant(COEFFICIENTS + i));
    }
    a.vpslld(power, power, 23);
    a.vmulps(result, x, power);
  }
}
