package dev.viridian.kernels.cpu.jit;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Generated code of e^x in place, for x up to 87, by the steps of {@link Exponential} and with its
 * relative error, below 2e−7. Below x = {@value #LEAST} the result is e^{@value #LEAST}, a number
 * as good as nothing. NaN gives anything.
 *
 * <p>It works on sums that are still in registers and leaves it few: two for each vector, and all
 * constants but one in memory.
 */
final class SmallExponential {
  /** Where it becomes constant: 2^n of the next lower n might not be a normal number. */
  static final float LEAST = -86.6f;

  private static final int ROUND = 0;
  private static final int LEAST_AT = 1;
  private static final int LOG2_E = 2;
  private static final int LOG2_E_LOW = 3;
  private static final int COEFFICIENTS = 4;

  private static final MemorySegment VALUES = values();

  private static MemorySegment values() {
    float[] coefficients = Exponential.POLYNOMIAL;
    float[] values = new float[COEFFICIENTS + coefficients.length];
    // Adding it rounds to a whole number n, and leaves n in the lowest bits.
    values[ROUND] = 0x1.8p23f;
    values[LEAST_AT] = LEAST;
    values[LOG2_E] = (float) (1 / Math.log(2));
    values[LOG2_E_LOW] = (float) (1 / Math.log(2) - values[LOG2_E]);
    System.arraycopy(coefficients, 0, values, COEFFICIENTS, coefficients.length);
    return ConstantTable.of(values);
  }

  private final X64Assembler a;
  private final Gpr table;
  private final Vec[] free;

  /**
   * Code appended to {@code a}.
   *
   * @param table is overwritten
   * @param free registers that are overwritten, at least three
   */
  SmallExponential(X64Assembler a, Gpr table, Vec... free) {
    this.a = a;
    this.table = table;
    this.free = free;
  }

  private Mem constant(int i) {
    return Mem.at(table, ConstantTable.BYTES * i);
  }

  /** Replaces each vector, some at a time so that their steps mix. */
  void apply(Vec... all) {
    a.mov(table, VALUES.address());
    Vec log2e = free[free.length - 1];
    a.vmovups(log2e, constant(LOG2_E));
    int together = (free.length - 1) / 2;
    for (int first = 0; first < all.length; first += together) {
      int count = Math.min(together, all.length - first);
      some(Arrays.copyOfRange(all, first, first + count), log2e);
    }
  }

  private void some(Vec[] x, Vec log2e) {
    for (Vec v : x) {
      a.vmaxps(v, v, constant(LEAST_AT));
    }
    for (int i = 0; i < x.length; i++) {
      a.vmovups(power(i), constant(ROUND));
    }
    for (int i = 0; i < x.length; i++) {
      a.vfmadd231ps(power(i), x[i], log2e);
    }
    for (int i = 0; i < x.length; i++) {
      a.vsubps(rest(i), power(i), constant(ROUND));
    }
    for (int i = 0; i < x.length; i++) {
      a.vfmsub231ps(rest(i), x[i], log2e);
    }
    for (int i = 0; i < x.length; i++) {
      a.vfmadd231ps(rest(i), x[i], constant(LOG2_E_LOW));
    }
    for (int i = 0; i < x.length; i++) {
      a.vmovups(x[i], constant(COEFFICIENTS));
    }
    for (int c = 1; c < Exponential.POLYNOMIAL.length; c++) {
      for (int i = 0; i < x.length; i++) {
        a.vfmadd213ps(x[i], rest(i), constant(COEFFICIENTS + c));
      }
    }
    for (int i = 0; i < x.length; i++) {
      a.vpslld(power(i), power(i), 23);
    }
    for (int i = 0; i < x.length; i++) {
      a.vpaddd(x[i], x[i], power(i));
    }
  }

  private Vec power(int i) {
    return free[2 * i];
  }

  private Vec rest(int i) {
    return free[2 * i + 1];
  }
}
