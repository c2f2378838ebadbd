package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.cpu.vector.ActivationRows;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
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
    int rest = columns % level.lanes();
    int whole = columns - rest;
    Frame f = NativeScratch.frame();
    if (whole > 0) {
      long at = Range.address(s, 4 * from, 4 * ((rows - 1) * ld + whole));
      RunCode.b(RunCode.a(f, at, 4 * ld), at, 0);
      code.run(page, f, at, 4 * ld, rows, whole, 0, 0);
    }
    if (rest > 0) {
      MemorySegment tail = NativeScratch.get(NativeScratch.Part.TAIL, 4L * level.lanes());
      for (int i = 0; i < rows; i++) {
        long at = 4 * (from + i * ld + whole);
        MemorySegment.copy(s, JAVA_FLOAT, at, tail, JAVA_FLOAT, 0, rest);
        RunCode.b(RunCode.a(f, tail.address(), 0), tail.address(), 0);
        code.run(page, f, tail.address(), 0, 1, level.lanes(), 0, 0);
        MemorySegment.copy(tail, JAVA_FLOAT, 0, s, JAVA_FLOAT, at, rest);
      }
      Reference.reachabilityFence(tail);
    }
  }
}
