package dev.viridian.kernels;

/** The type of one stored number. Little-endian in memory and in files. */
public enum DType {
  /** IEEE 754 binary32: what all arithmetic on the CPU accumulates in, and the default. */
  F32(4),
  /** The upper half of a binary32. */
  BF16(2),
  /** IEEE 754 binary16. */
  F16(2),
  /** Signed 32-bit integer; also conditions (0 is false). */
  I32(4),
  /** Signed 64-bit integer: indices and token ids. */
  I64(8),
  /** Unsigned 8-bit integer: pixels. */
  U8(1);

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  /** Size of one number in bytes. */
  public int bytes() {
    return bytes;
  }

  /** Whether the type is one of the three floating-point types. */
  public boolean isFloat() {
    return this == F32 || this == BF16 || this == F16;
  }
}
