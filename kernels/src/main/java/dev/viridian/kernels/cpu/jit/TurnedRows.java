package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.MemorySegment;

/**
 * A left factor whose rows lie across: value k of row i is element {@code base + k·ld + i}. The
 * rows of each tile are turned into scratch memory.
 *
 * @param length values of a row
 */
record TurnedRows(Kit kit, MemorySegment segment, long base, long ld, int length)
    implements LeftRows {
  /** Rows this long are left to others: the scratch memory of a tile would grow too large. */
  static final int LONGEST = 1 << 14;

  @Override
  public int segments() {
    return 1;
  }

  /** Distance of turned rows; no multiple of 4 KiB. */
  private long row() {
    return (length + 15L) / 16 * 64 + 64;
  }

  @Override
  public void enter(int row, int count, RowTable table) {
    MemorySegment to = NativeScratch.get(NativeScratch.Part.TURNED, (count + 8) * row());
    for (int i = 0; i < count; i++) {
      table.set(i, 0, to.address() + i * row());
    }
    // The code turns eight values of K, each a run of rows, at a time: their "columns".
    PackCode pack = new PackCode(DType.F32, true);
    Code code = kit.pack(DType.F32, true);
    Frame frame = NativeScratch.frame();
    int squares = count / PackCode.LANES;
    int lanes = PackCode.LANES;
    long[] runs = new long[lanes];
    int k = 0;
    for (; squares > 0 && k <= length - lanes; k += lanes) {
      for (int p = 0; p < lanes; p++) {
        runs[p] = Range.address(segment, 4 * (base + (k + p) * ld + row), 4L * squares * lanes);
      }
      pack.runTurned(code, frame, runs, to.address() + 4L * k, row(), squares);
    }
    rest(row, 0, squares * lanes, k, to);
    rest(row, squares * lanes, count, 0, to);
  }

  private void rest(int row, int from, int end, int firstK, MemorySegment to) {
    for (int k = firstK; k < length; k++) {
      for (int i = from; i < end; i++) {
        float value = Numbers.get(segment, DType.F32, base + k * ld + row + i);
        to.set(JAVA_FLOAT, i * row() + 4L * k, value);
      }
    }
  }
}
