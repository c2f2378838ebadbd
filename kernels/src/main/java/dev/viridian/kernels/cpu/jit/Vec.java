package dev.viridian.kernels.cpu.jit;

/**
 * A vector register as an operand.
 *
 * @param number 0 to 31; from 16 on only AVX-512 has them
 * @param bits 128 (xmm), 256 (ymm) or 512 (zmm)
 * @param mask number of the mask register that says which lanes are written; 0: all
 * @param zeroing whether the other lanes become zero rather than stay
 */
record Vec(int number, int bits, int mask, boolean zeroing) {
  Vec {
    if (number < 0 || number > 31) {
      throw new IllegalArgumentException("vector register: expected 0 to 31, got " + number);
    }
    if (bits != 128 && bits != 256 && bits != 512) {
      throw new IllegalArgumentException("vector register: expected 128, 256 or 512 bits: " + bits);
    }
  }

  /** Register xmm{@code number}. */
  static Vec xmm(int number) {
    return new Vec(number, 128, 0, false);
  }

  /** Register ymm{@code number}. */
  static Vec ymm(int number) {
    return new Vec(number, 256, 0, false);
  }

  /** Register zmm{@code number}. */
  static Vec zmm(int number) {
    return new Vec(number, 512, 0, false);
  }

  /** The same as a target of which only the lanes in a mask are written. */
  Vec masked(Mask k) {
    return new Vec(number, bits, k.number(), false);
  }

  /** The same as a target of which the lanes outside a mask become zero. */
  Vec zeroing(Mask k) {
    return new Vec(number, bits, k.number(), true);
  }

  /** Whether only EVEX can name this operand. */
  boolean needsEvex() {
    return number > 15 || bits == 512 || mask != 0;
  }
}
