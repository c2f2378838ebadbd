package dev.viridian.kernels.cpu.jit;

/** A mask register k0 to k7. As a mask of an instruction, k0 means none. */
record Mask(int number) {
  Mask {
    if (number < 0 || number > 7) {
      throw new IllegalArgumentException("mask register: expected 0 to 7, got " + number);
    }
  }
}
