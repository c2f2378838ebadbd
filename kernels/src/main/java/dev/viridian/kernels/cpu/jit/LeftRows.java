package dev.viridian.kernels.cpu.jit;

/** The left factor of a product, read where it lies: floats, each row a number of segments. */
interface LeftRows {
  /** Segments of a row, at least 1. */
  int segments();

  /** Floats in a segment, 0 or more. K is segments times this. */
  int length();

  /** Enters the addresses of all segments of some rows into a table, from its first row on. */
  void enter(int row, int count, RowTable table);
}
