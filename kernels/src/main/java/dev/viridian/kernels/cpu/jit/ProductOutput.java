package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.Activation;
import java.lang.foreign.MemorySegment;

/**
 * The F32 matrix that a product goes to: times alpha, plus bias, activation last.
 *
 * @param base its first element
 * @param accumulate whether the matrix is added to
 * @param bias address of one float a column, readable in whole vectors of eight; 0 for none
 */
record ProductOutput(
    MemorySegment segment,
    long base,
    long ld,
    float alpha,
    boolean accumulate,
    long bias,
    Activation activation) {

  /**
   * Whether sums are the result as they are and are best collected where it goes: not if its rows
   * push each other out of the first cache.
   */
  boolean takesSums() {
    return alpha == 1
        && !accumulate
        && bias == 0
        && activation == Activation.NONE
        && ld * Float.BYTES % 4096 != 0;
  }

  /** Byte of the segment where a value goes. */
  long at(int row, int column) {
    return 4 * (base + row * ld + column);
  }

  /**
   * Takes finished sums.
   *
   * @param sums address of their first; rows are readable in whole vectors
   * @param sumsRow bytes from row to row
   * @param first whether these are of the first part of K
   * @param last whether these are of the last part of K
   */
  void store(
      Kit kit,
      long sums,
      long sumsRow,
      int row,
      int rows,
      int column,
      int columns,
      boolean first,
      boolean last) {
    long at = base + row * ld + column;
    long end = at + (rows - 1) * ld + columns;
    long to = Range.address(segment, 4 * at, 4 * (end - at));
    boolean biased = last && bias != 0;
    StoreCode.run(
        kit.store(accumulate || !first, biased),
        NativeScratch.frame(),
        sums,
        sumsRow,
        to,
        4 * ld,
        bias + 4L * column,
        alpha,
        rows,
        columns);
    if (last && activation != Activation.NONE) {
      RowActivation.apply(kit.level, activation, segment, at, ld, rows, columns);
    }
  }
}
