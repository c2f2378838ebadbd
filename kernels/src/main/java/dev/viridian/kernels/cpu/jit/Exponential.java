package dev.viridian.kernels.cpu.jit;

import java.lang.foreign.MemorySegment;

/**
 * Generated code of e^x for x ≤ 0: with n the whole number nearest to x·log₂e, 2^(x·log₂e − n) is a
 * polynomial of degree 5 and 2^n is put together from its bits. The relative error is below 2e−7,
 * rounding included; e^0 is exactly 1, what is less than the smallest normal number becomes 0, and
 * that of NaN is NaN.
 *
 * <p>A vector's steps wait for each other, some fifty cycles in all, and processors look ahead over
 * less than it takes to fill those. So the steps of several vectors are mixed, and most constants
 * stay in memory to leave registers for them.
 */
final class Exponential {
  /** Of the level's registers those from here on to the sixteenth hold constants. */
  static final int FIRST = 13;

  // In registers:
  private static final int ROUND = 0;
  private static final int LEAST = 1;
  private static final int LOG2_E_HIGH = 2;
  // In memory:
  private static final int LOG2_E_LOW = 3;
  private static final int COEFFICIENTS = 4;

  /** Of a polynomial fitted to the least relative error between −½ and ½, the highest first. */
  static final float[] POLYNOMIAL = {
    0x1.5bba14p-10f, 0x1.3cea88p-7f, 0x1.c6b752p-5f, 0x1.ebf9bcp-3f, 0x1.62e42ap-1f, 1f
  };

  /** Where the code reads its constants from. */
  private static final MemorySegment VALUES = values();

  private static MemorySegment values() {
    double log2e = 1 / Math.log(2);
    float high = (float) log2e;
    float[] values = new float[COEFFICIENTS + POLYNOMIAL.length];
    // Adding it rounds to a whole number n and leaves n + 127 in the lowest bits.
    values[ROUND] = 0x1.8p23f + 127;
    values[LEAST] = (float) (-127 / log2e);
    values[LOG2_E_HIGH] = high;
    values[LOG2_E_LOW] = (float) (log2e - high);
    System.arraycopy(POLYNOMIAL, 0, values, COEFFICIENTS, POLYNOMIAL.length);
    return ConstantTable.of(values);
  }

  /**
   * The registers of one vector.
   *
   * @param x is overwritten
   * @param power is overwritten
   * @param result becomes e^x
   */
  record Lane(Vec x, Vec power, Vec result) {
    /** Three registers of a level in a row. */
    static Lane of(VectorLevel level, int first) {
      return new Lane(level.register(first), level.register(first + 1), level.register(first + 2));
    }
  }

  private final X64Assembler a;
  private final VectorLevel level;
  private final Gpr table;

  /**
   * Code of a level, appended to {@code a}.
   *
   * @param table keeps the address of the constants
   */
  Exponential(X64Assembler a, VectorLevel level, Gpr table) {
    this.a = a;
    this.level = level;
    this.table = table;
  }

  /** Loads the constants. */
  void prepare() {
    a.mov(table, VALUES.address());
    for (int i = ROUND; i <= LOG2_E_HIGH; i++) {
      a.vmovups(register(i), memory(i));
    }
  }

  private Vec register(int i) {
    return level.register(FIRST + i);
  }

  private Mem memory(int i) {
    return Mem.at(table, ConstantTable.BYTES * i);
  }

  /** {@code result = e^x} for each vector. */
  void apply(Lane... lanes) {
    for (Lane l : lanes) {
      a.vmaxps(l.x, register(LEAST), l.x); // in this order NaN stays
    }
    for (Lane l : lanes) {
      a.vmovaps(l.power, register(ROUND));
      a.vfmadd231ps(l.power, l.x, register(LOG2_E_HIGH));
    }
    for (Lane l : lanes) {
      a.vsubps(l.result, l.power, register(ROUND)); // n + 127 − 127, exactly
    }
    for (Lane l : lanes) {
      a.vfmsub231ps(l.result, l.x, register(LOG2_E_HIGH));
    }
    for (Lane l : lanes) {
      a.vfmadd231ps(l.result, l.x, memory(LOG2_E_LOW));
    }
    for (Lane l : lanes) {
      a.vmovups(l.x, memory(COEFFICIENTS));
    }
    for (int i = 1; i < POLYNOMIAL.length; i++) {
      for (Lane l : lanes) {
        a.vfmadd213ps(l.x, l.result, memory(COEFFICIENTS + i));
      }
    }
    for (Lane l : lanes) {
      a.vpslld(l.power, l.power, 23);
    }
    for (Lane l : lanes) {
      a.vmulps(l.result, l.x, l.power);
    }
  }
}
