package dev.viridian.kernels.cpu.vector;

/**
 * One of the two factors of a product: a matrix X [rows, k] whose rows belong to rows of the result
 * (a left factor) or to its columns (a right factor, hence transposed). It may be stored in any
 * type and order, or only be implied, as the patches of a picture are.
 */
interface Operand {
  /** Whether values of one row lie next to each other in {@link #read}'s result. */
  boolean alongK();

  /**
   * Reads the block of {@code rows × count} values from (row, k) on, widened to float: value (i, p)
   * goes to {@code at + i·stride + p} if {@link #alongK}, else to {@code at + p·stride + i}.
   */
  void read(int row, int rows, int k, int count, float[] to, int at, int stride);
}
