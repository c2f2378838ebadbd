package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.cpu.vector.ActivationRows;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Activations of finished rows of a result, in place. */
final class RowActivation {
  private RowActivation() {}

  /**
   * Applies an activation to rows of F32 numbers.
   *
   * @param from element of the first
   * @param ld elements from row to row
   */
  static void apply(
      VectorLevel best,
      Activation activation,
      MemorySegment s,
      long from,
      long ld,
      int rows,
      int columns) {
    if (activation == Activation.NONE || rows == 0 || columns == 0) {
      return;
    }
    VectorLevel level = best.lanes() == 8 || columns % best.lanes() == 0 ? best : VectorLevel.AVX2;
    RunCode code = new RunCode(level, RunCode.of(activation));
    @Nullable Code page = CodeCache.get(code);
    if (page == null) {
      for (int i = 0; i < rows; i++) {
        ActivationRows.apply(activation, s, from + i * ld, columns);
      }
      return;
    }
    NativeRows all = new NativeRows(s, Float.BYTES * from, Float.BYTES * ld);
    code.apply(page, all, all, all, rows, columns, 0, 0);
  }
}
