package dev.viridian.kernels.cpu.jit;

/** A general-purpose register of 64 bits, in the order of the encoding. */
enum Gpr {
  RAX,
  RCX,
  RDX,
  RBX,
  RSP,
  RBP,
  RSI,
  RDI,
  R8,
  R9,
  R10,
  R11,
  R12,
  R13,
  R14,
  R15;

  /** Number in the encoding, 0 to 15. */
  int number() {
    return ordinal();
  }
}
