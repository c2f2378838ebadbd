package dev.viridian.kernels.cpu.jit;

import org.jspecify.annotations.Nullable;

/**
 * An operand in memory: {@code [base + index·scale + disp]}.
 *
 * @param scale 1, 2, 4 or 8
 * @param disp in bytes
 * @param broadcast whether one element there stands for all lanes (AVX-512)
 * @param mask number of the mask register that says which lanes are stored; 0: all
 */
record Mem(Gpr base, @Nullable Gpr index, int scale, int disp, boolean broadcast, int mask) {
  Mem {
    if (index == Gpr.RSP) {
      throw new IllegalArgumentException("rsp cannot be an index");
    }
    if (Integer.bitCount(scale) != 1 || scale < 1 || scale > 8) {
      throw new IllegalArgumentException("scale: expected 1, 2, 4 or 8, got " + scale);
    }
  }

  /** What a register points to. */
  static Mem at(Gpr base) {
    return new Mem(base, null, 1, 0, false, 0);
  }

  /** What lies {@code disp} bytes behind where a register points to. */
  static Mem at(Gpr base, int disp) {
    return new Mem(base, null, 1, disp, false, 0);
  }

  /** What lies {@code index + disp} bytes behind where a register points to. */
  static Mem at(Gpr base, Gpr index, int disp) {
    return new Mem(base, index, 1, disp, false, 0);
  }

  /** The same with an index times a scale. */
  Mem indexed(Gpr newIndex, int newScale) {
    return new Mem(base, newIndex, newScale, disp, broadcast, mask);
  }

  /** One element for all lanes. */
  Mem broadcasting() {
    return new Mem(base, index, scale, disp, true, mask);
  }

  /** The same as a target of which only the lanes in a mask are written. */
  Mem masked(Mask k) {
    return new Mem(base, index, scale, disp, broadcast, k.number());
  }

  /** Whether only EVEX can name this operand. */
  boolean needsEvex() {
    return broadcast || mask != 0;
  }
}
