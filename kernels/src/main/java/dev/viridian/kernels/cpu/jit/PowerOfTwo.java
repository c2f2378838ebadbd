package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Generated code of 2^x in place, for x up to 127: with n the whole number nearest to x, 2^(x − n)
 * is a polynomial as in {@link Exponential}, to whose exponent n is added. The relative error is
 * below 2e−7, rounding included; below x = {@value #LEAST} the result is 2^{@value #LEAST}, a
 * number as good as nothing. NaN gives anything.
 *
 * <p>It works on sums that are still in registers and leaves it few: two for each vector, and all
 * constants but one in memory.
 */
final class PowerOfTwo {
  /** Where it becomes constant: 2^n of the next lower n might not be a normal number. */
  static final float LEAST = -125;

  private static final int ROUND = 0;
  private static final int LEAST_AT = 1;
  private static final int COEFFICIENTS = 2;

  /** Bytes of a constant in memory: a vector of AVX-512. */
  private static final int BYTES = 64;

  private static final MemorySegment VALUES = values();

  private static MemorySegment values() {
    float[] coefficients = Exponential.POLYNOMIAL;
    float[] values = new float[COEFFICIENTS + coefficients.length];
    // Adding it rounds to a whole number n, and leaves n in the lowest bits.
    values[ROUND] = 0x1.8p23f;
    values[LEAST_AT] = LEAST;
    System.arraycopy(coefficients, 0, values, COEFFICIENTS, coefficients.length);
    MemorySegment memory = Arena.global().allocate((long) BYTES * values.length, BYTES);
    for (int i = 0; i < BYTES / Float.BYTES * values.length; i++) {
      memory.setAtIndex(JAVA_FLOAT, i, values[i / (BYTES / Float.BYTES)]);
    }
    return memory;
  }

  private final X64Assembler a;
  private final Gpr table;
  private final Vec[] free;

  /**
   * Code appended to {@code a}.
   *
   * @param table is overwritten
   * @param free registers that are overwritten, at least two
   */
  PowerOfTwo(X64Assembler a, Gpr table, Vec... free) {
    this.a = a;
    this.table = table;
    this.free = free;
  }

  private Mem constant(int i) {
    return Mem.at(table, BYTES * i);
  }

  /** Replaces each vector, some at a time so that their steps mix. */
  void apply(Vec... all) {
    a.mov(table, VALUES.address());
    boolean kept = free.length % 2 == 1;
    Vec round = free[free.length - 1];
    if (kept) {
      a.vmovups(round, constant(ROUND));
    }
    int together = free.length / 2;
    for (int first = 0; first < all.length; first += together) {
      int count = Math.min(together, all.length - first);
      Vec[] x = java.util.Arrays.copyOfRange(all, first, first + count);
      some(x, kept ? round : null);
    }
  }

  private void some(Vec[] x, @org.jspecify.annotations.Nullable Vec round) {
    for (Vec v : x) {
      a.vmaxps(v, v, constant(LEAST_AT));
    }
    for (int i = 0; i < x.length; i++) {
      if (round == null) {
        a.vaddps(free[2 * i], x[i], constant(ROUND));
      } else {
        a.vaddps(free[2 * i], x[i], round);
      }
    }
    for (int i = 0; i < x.length; i++) {
      if (round == null) {
        a.vsubps(free[2 * i + 1], free[2 * i], constant(ROUND));
      } else {
        a.vsubps(free[2 * i + 1], free[2 * i], round);
      }
    }
    for (int i = 0; i < x.length; i++) {
      a.vsubps(x[i], x[i], free[2 * i + 1]);
    }
    for (int i = 0; i < x.length; i++) {
      a.vmovups(free[2 * i + 1], constant(COEFFICIENTS));
    }
    for (int c = 1; c < Exponential.POLYNOMIAL.length; c++) {
      for (int i = 0; i < x.length; i++) {
        a.vfmadd213ps(free[2 * i + 1], x[i], constant(COEFFICIENTS + c));
      }
    }
    for (int i = 0; i < x.length; i++) {
      a.vpslld(free[2 * i], free[2 * i], 23);
    }
    for (int i = 0; i < x.length; i++) {
      a.vpaddd(x[i], free[2 * i + 1], free[2 * i]);
    }
  }
}
