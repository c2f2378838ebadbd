package dev.viridian.kernels.cpu.jit;

import java.lang.foreign.MemorySegment;

/**
 * Rows of numbers in native memory.
 *
 * @param at byte of the first
 * @param step bytes from row to row, 0 or more
 */
record NativeRows(MemorySegment memory, long at, long step) {
  /**
   * Address of the first of {@code rows} rows of {@code bytes} bytes.
   *
   * @throws IndexOutOfBoundsException if one of them lies outside of the memory
   */
  long address(int rows, long bytes) {
    if (step < 0 || rows < 1) {
      throw new IllegalArgumentException(rows + " rows, " + step + " bytes apart");
    }
    return Range.address(memory, at, Math.addExact(Math.multiplyExact(rows - 1, step), bytes));
  }

  /** The same from a row on. */
  NativeRows from(long row) {
    return new NativeRows(memory, at + row * step, step);
  }

  /** The same from a byte of each row on. */
  NativeRows shifted(long bytes) {
    return new NativeRows(memory, at + bytes, step);
  }
}
