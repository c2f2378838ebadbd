package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.Activation;
import java.lang.foreign.MemorySegment;

/**
 * Generated code of activations, in place, of vectors in registers. By e^x of {@link
 * SmallExponential}; the error function by N. Juffa's minimax polynomials. Errors are a few units
 * in the last place, NaN stays NaN.
 */
final class ActivationCode {
  /** How many registers it overwrites. */
  static final int REGISTERS = 7;

  /** Vectors whose steps are mixed. */
  private static final int TOGETHER = 2;

  /** Comparisons: greater, and whether one is NaN. */
  private static final int GREATER = 14;

  private static final int UNORDERED = 3;

  /** Constants, by their places in memory. */
  private enum Constant {
    ONE(1f),
    MINUS_ONE(-1f),
    MINUS_QUICK(-1.702f),
    LARGEST(87f),
    ZERO(0f),
    HALF(0.5f),
    SQRT_HALF(0.70710678f),
    ERF_SMALL(0.927734375f),
    ERFC_1(-1.28717512e-1f),
    ERFC_2(-6.34846687e-1f),
    ERFC_3(-1.06777877e-1f),
    ERFC_4(2.42546219e-2f),
    ERFC_5(-3.88396438e-3f),
    ERFC_6(3.83197126e-4f),
    ERFC_7(-1.72853470e-5f),
    ERF_1(1.28379166e-1f),
    ERF_3(-3.76125336e-1f),
    ERF_5(1.12819925e-1f),
    ERF_7(-2.67681349e-2f),
    ERF_9(4.99119423e-3f),
    ERF_11(-5.96761703e-4f);

    final float value;

    Constant(float value) {
      this.value = value;
    }
  }

  private static final MemorySegment VALUES = values();

  private static MemorySegment values() {
    Constant[] all = Constant.values();
    float[] values = new float[all.length];
    for (int i = 0; i < all.length; i++) {
      values[i] = all[i].value;
    }
    return ConstantTable.of(values);
  }

  private final X64Assembler a;
  private final VectorLevel level;
  private final Gpr table;
  private final int first;
  private final Mask mask = new Mask(1);

  /**
   * Code appended to {@code a}.
   *
   * @param table is overwritten
   * @param first number of the first of {@link #REGISTERS} registers that are overwritten
   */
  ActivationCode(X64Assembler a, VectorLevel level, Gpr table, int first) {
    this.a = a;
    this.level = level;
    this.table = table;
    this.first = first;
  }

  private Mem constant(Constant c) {
    return Mem.at(table, ConstantTable.BYTES * c.ordinal());
  }

  private Vec free(int i) {
    return level.register(first + i);
  }

  private void pointToConstants() {
    a.mov(table, VALUES.address());
  }

  /** Replaces each vector by its activation. */
  void apply(Activation activation, Vec... all) {
    switch (activation) {
      case NONE -> {}
      case SILU -> gated(Constant.MINUS_ONE, all);
      case QUICK_GELU -> gated(Constant.MINUS_QUICK, all);
      case GELU -> {
        for (Vec x : all) {
          gelu(x);
        }
      }
    }
  }

  /** {@code x / (1 + e^(factor x))}. */
  private void gated(Constant factor, Vec... all) {
    for (int from = 0; from < all.length; from += TOGETHER) {
      int count = Math.min(TOGETHER, all.length - from);
      exponentials(factor, all, from, count);
      for (int i = 0; i < count; i++) {
        a.vaddps(free(i), free(i), constant(Constant.ONE));
      }
      for (int i = 0; i < count; i++) {
        a.vdivps(all[from + i], all[from + i], free(i));
      }
    }
  }

  /** {@code e^(factor x)} of some vectors in the first free registers. */
  private void exponentials(Constant factor, Vec[] x, int from, int count) {
    Vec[] powers = new Vec[count];
    pointToConstants();
    for (int i = 0; i < count; i++) {
      powers[i] = free(i);
      a.vmulps(powers[i], x[from + i], constant(factor));
      a.vminps(powers[i], powers[i], constant(Constant.LARGEST));
    }
    int rest = TOGETHER;
    new SmallExponential(
            a, table, free(rest), free(rest + 1), free(rest + 2), free(rest + 3), free(rest + 4))
        .apply(powers);
    pointToConstants();
  }

  /** Replaces each vector by {@code 1 / (1 + e^−x)}. */
  void sigmoid(Vec... all) {
    for (Vec x : all) {
      exponentials(Constant.MINUS_ONE, new Vec[] {x}, 0, 1);
      a.vaddps(free(0), free(0), constant(Constant.ONE));
      a.vmovups(free(1), constant(Constant.ONE));
      a.vdivps(free(1), free(1), free(0));
      select(free(1), x, x, x, UNORDERED);
      a.vmovaps(x, free(1));
    }
  }

  /** {@code x · Φ(x)}, Φ also for x down to −5.5 to nearly all digits. */
  private void gelu(Vec x) {
    Vec z = free(0);
    Vec t = free(1);
    Vec r = free(2);
    Vec u = free(3);
    Vec v = free(4);
    pointToConstants();
    a.vmulps(z, x, constant(Constant.SQRT_HALF));
    a.vmulps(t, z, constant(Constant.MINUS_ONE));
    a.vmaxps(t, t, z);
    // the logarithm of 1 − erf(t)
    a.vmulps(u, t, t);
    a.vmovups(r, constant(Constant.ERFC_7));
    a.vfmadd213ps(r, t, constant(Constant.ERFC_6));
    a.vmovups(v, constant(Constant.ERFC_5));
    a.vfmadd213ps(v, t, constant(Constant.ERFC_4));
    a.vfmadd213ps(r, u, v);
    a.vfmadd213ps(r, t, constant(Constant.ERFC_3));
    a.vfmadd213ps(r, t, constant(Constant.ERFC_2));
    a.vfmadd213ps(r, t, constant(Constant.ERFC_1));
    a.vfmsub213ps(r, t, t);
    new SmallExponential(a, table, v, free(5), free(6)).apply(r);
    pointToConstants();
    a.vmulps(r, r, constant(Constant.HALF));
    a.vmovups(u, constant(Constant.ONE));
    a.vsubps(u, u, r);
    a.vmovups(v, constant(Constant.ZERO));
    select(r, u, z, v, GREATER);
    // erf of what is small
    a.vmulps(u, z, z);
    a.vmovups(v, constant(Constant.ERF_11));
    a.vfmadd213ps(v, u, constant(Constant.ERF_9));
    a.vfmadd213ps(v, u, constant(Constant.ERF_7));
    a.vfmadd213ps(v, u, constant(Constant.ERF_5));
    a.vfmadd213ps(v, u, constant(Constant.ERF_3));
    a.vfmadd213ps(v, u, constant(Constant.ERF_1));
    a.vfmadd213ps(v, z, z);
    a.vmovups(u, constant(Constant.HALF));
    a.vfmadd213ps(v, u, u);
    a.vmovups(u, constant(Constant.ERF_SMALL));
    select(v, r, t, u, GREATER);
    a.vmulps(x, x, v);
  }

  /** {@code to = when} in the lanes in which {@code x} and {@code y} compare like that. */
  private void select(Vec to, Vec when, Vec x, Vec y, int comparison) {
    if (level == VectorLevel.AVX512) {
      a.vcmpps(mask, x, y, comparison);
      a.vmovaps(to.masked(mask), when);
    } else {
      a.vcmpps(free(5), x, y, comparison);
      a.vblendvps(to, to, when, free(5));
    }
  }
}
