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
   * Groups of rows in the calling thread's scratch memory for a tile.
   *
   * @param widths bytes from row to row of each group
   */
  static NativeRows[] scratch(int rows, long... widths) {
    long bytes = 0;
    for (long width : widths) {
      bytes += rows * width;
    }
    MemorySegment memory = NativeScratch.get(NativeScratch.Part.TILE, bytes);
    NativeRows[] groups = new NativeRows[widths.length];
    long at = 0;
    for (int i = 0; i < groups.length; i++) {
      groups[i] = new NativeRows(memory, at, widths[i]);
      at += rows * widths[i];
    }
    return groups;
  }

  /**
   * Bytes from row to row for {@code count} floats: whole lines of the caches, and one more, since
   * rows a power of two apart would push each other out.
   */
  static long width(int count) {
    return 64 + 64L * Math.ceilDiv(count, 16);
  }

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

  /** The first row as all rows. */
  NativeRows alike() {
    return new NativeRows(memory, at, 0);
  }

  /** The same from a byte of each row on. */
  NativeRows shifted(long bytes) {
    return new NativeRows(memory, at + bytes, step);
  }
}
