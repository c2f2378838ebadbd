package dev.viridian.kernels.cpu.jit;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.function.Consumer;
import java.util.function.IntConsumer;

/**
 * Generated code of 2^x in place, for x up to 126, by the steps of {@link Exponential} and with its
 * relative error, below 2e−7. Below x = {@value #LEAST} the result is 2^{@value #LEAST}, a number
 * as good as nothing. NaN gives anything.
 *
 * <p>It works on sums that are still in registers and leaves it few: two for each of some vectors;
 * what is left holds constants, the others are read from memory each time.
 */
final class SmallPower {
  /** Where it becomes constant: 2^n of the next lower n might not be a normal number. */
  static final float LEAST = -125f;

  /** Vectors whose steps are mixed, if there are registers: their latency is hidden then. */
  private static final int TOGETHER = 2;

  private static final int ROUND = 0;

  /** The polynomial's coefficients from the second on, then the first and the least x. */
  private static final int COEFFICIENTS = 1;

  private static final int FIRST = Exponential.POLYNOMIAL.length;
  private static final int LEAST_AT = FIRST + 1;
  private static final int CONSTANTS = FIRST + 2;

  private static final MemorySegment VALUES = values();

  private static MemorySegment values() {
    float[] coefficients = Exponential.POLYNOMIAL;
    float[] values = new float[CONSTANTS];
    // Adding it rounds to a whole number n, and leaves n in the lowest bits.
    values[ROUND] = 0x1.8p23f;
    System.arraycopy(coefficients, 1, values, COEFFICIENTS, coefficients.length - 1);
    values[FIRST] = coefficients[0];
    values[LEAST_AT] = LEAST;
    return ConstantTable.of(values);
  }

  private final X64Assembler a;
  private final Gpr table;
  private final Vec[] free;
  private final int together;
  private final int groups;

  /**
   * Code appended to {@code a}.
   *
   * @param table is overwritten
   * @param free registers that are overwritten, at least two
   */
  SmallPower(X64Assembler a, Gpr table, Vec... free) {
    this.a = a;
    this.table = table;
    this.free = free;
    groups = free.length >= 4 * TOGETHER + 4 ? 2 : 1;
    together = Math.min(TOGETHER, free.length / 2);
  }

  private Mem memory(int i) {
    return Mem.at(table, ConstantTable.BYTES * i);
  }

  private int inRegisters() {
    return Math.min(CONSTANTS, free.length - 2 * groups * together);
  }

  private Vec register(int constant) {
    return free[2 * groups * together + constant];
  }

  /**
   * Replaces each vector, some at a time so that their steps mix; where there are registers for two
   * such groups, the first steps of one, additions, run beside the multiplications of the other.
   */
  void apply(Vec... all) {
    apply(all, i -> {});
  }

  /**
   * The same.
   *
   * @param use appends what is done with vector {@code i} when it is ready, in order; it must leave
   *     all vectors and registers here but {@code i} as they are
   */
  void apply(Vec[] all, IntConsumer use) {
    a.mov(table, VALUES.address());
    for (int i = 0; i < inRegisters(); i++) {
      a.vmovups(register(i), memory(i));
    }
    Deque<Runnable> powers = new ArrayDeque<>();
    Deque<Runnable> uses = new ArrayDeque<>();
    Deque<Runnable> later = new ArrayDeque<>();
    for (int first = 0, group = 0; first < all.length; first += together, group++) {
      Vec[] x = Arrays.copyOfRange(all, first, Math.min(first + together, all.length));
      int own = group % groups * together;
      Deque<Runnable> parts = new ArrayDeque<>();
      split(x, own, parts);
      while (!powers.isEmpty() || !parts.isEmpty() || !uses.isEmpty()) {
        for (int i = 0; i < 2 && !powers.isEmpty(); i++) {
          powers.remove().run();
        }
        if (!parts.isEmpty() && (groups > 1 || powers.isEmpty())) {
          parts.remove().run();
        }
        if (!uses.isEmpty()) {
          uses.remove().run();
        }
      }
      uses.addAll(later);
      later.clear();
      power(x, own, powers);
      for (int i = first; i < first + x.length; i++) {
        int ready = i;
        later.add(() -> use.accept(ready));
      }
    }
    powers.forEach(Runnable::run);
    uses.forEach(Runnable::run);
    later.forEach(Runnable::run);
  }

  /** The whole part of each exponent, in the lowest bits of a power; and the rest. */
  private void split(Vec[] x, int own, Deque<Runnable> steps) {
    for (Vec v : x) {
      steps.add(() -> with(LEAST_AT, c -> a.vmaxps(v, v, c), c -> a.vmaxps(v, v, c)));
    }
    for (int i = 0; i < x.length; i++) {
      Vec v = x[i];
      Vec power = power(own + i);
      steps.add(() -> with(ROUND, c -> a.vaddps(power, v, c), c -> a.vaddps(power, v, c)));
    }
    for (int i = 0; i < x.length; i++) {
      Vec rest = rest(own + i);
      Vec power = power(own + i);
      steps.add(() -> with(ROUND, c -> a.vsubps(rest, power, c), c -> a.vsubps(rest, power, c)));
    }
    for (int i = 0; i < x.length; i++) {
      Vec v = x[i];
      Vec rest = rest(own + i);
      steps.add(() -> a.vsubps(rest, v, rest));
    }
  }

  /** 2 to the rest, times the power. */
  private void power(Vec[] x, int own, Deque<Runnable> steps) {
    for (Vec v : x) {
      steps.add(() -> with(FIRST, c -> a.vmovaps(v, c), c -> a.vmovups(v, c)));
    }
    for (int k = COEFFICIENTS; k < FIRST; k++) {
      int coefficient = k;
      for (int i = 0; i < x.length; i++) {
        Vec v = x[i];
        Vec rest = rest(own + i);
        steps.add(
            () ->
                with(coefficient, c -> a.vfmadd213ps(v, rest, c), c -> a.vfmadd213ps(v, rest, c)));
      }
    }
    for (int i = 0; i < x.length; i++) {
      Vec power = power(own + i);
      steps.add(() -> a.vpslld(power, power, 23));
    }
    for (int i = 0; i < x.length; i++) {
      Vec v = x[i];
      Vec power = power(own + i);
      steps.add(() -> a.vpaddd(v, v, power));
    }
  }

  /** An instruction with a constant, which is in a register or in memory. */
  private void with(int constant, Consumer<Vec> register, Consumer<Mem> memory) {
    if (constant < inRegisters()) {
      register.accept(register(constant));
    } else {
      memory.accept(memory(constant));
    }
  }

  private Vec power(int i) {
    return free[2 * i];
  }

  private Vec rest(int i) {
    return free[2 * i + 1];
  }
}
