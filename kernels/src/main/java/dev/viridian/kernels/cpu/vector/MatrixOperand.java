package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.DType;
import java.lang.foreign.MemorySegment;

/**
 * A stored matrix.
 *
 * @param base its first element
 * @param ld distance of rows if {@code alongK}, else of values of one row
 */
record MatrixOperand(MemorySegment segment, DType type, long base, long ld, boolean alongK)
    implements Operand {
  @Override
  public void read(int row, int rows, int k, int count, float[] to, int at, int stride) {
    if (alongK) {
      for (int i = 0; i < rows; i++) {
        FloatRuns.read(segment, type, base + (row + i) * ld + k, to, at + i * stride, count);
      }
    } else {
      for (int p = 0; p < count; p++) {
        FloatRuns.read(segment, type, base + (k + p) * ld + row, to, at + p * stride, rows);
      }
    }
  }
}
