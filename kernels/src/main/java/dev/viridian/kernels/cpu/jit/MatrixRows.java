package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.cpu.threads.Workers;
import java.lang.foreign.MemorySegment;

/** A matrix stored row by row, {@code ld} floats apart. Its extent is the caller's to check. */
record MatrixRows(long address, long ld, int length) implements LeftRows {
  /** Columns of a product whose left factor is copied if its rows collide; floats of it at most. */
  private static final int WIDE = 128;

  private static final long MAX_COPY = 1 << 22;

  /** Rows that a thread copies at a time. */
  private static final int COPIED = 8;

  /** Whether rows push each other out of the first cache, and a copy is worth it. */
  static boolean collide(long ld, int rows, int columns, int length) {
    return ld * Float.BYTES % 4096 == 0 && columns >= WIDE && (long) rows * length <= MAX_COPY;
  }

  /** A copy of a stored matrix in the calling thread's memory, with a line more in each row. */
  static MatrixRows apart(
      Workers workers, MemorySegment from, long first, long ld, int rows, int length) {
    long apart = length + 16L;
    MemorySegment to = NativeScratch.get(NativeScratch.Part.LEFT, 4 * apart * rows);
    workers.run(
        Math.ceilDiv(rows, COPIED),
        task -> {
          for (int i = task * COPIED; i < Math.min(rows, (task + 1) * COPIED); i++) {
            MemorySegment.copy(from, 4 * (first + ld * i), to, 4 * apart * i, 4L * length);
          }
        });
    return new MatrixRows(to.address(), apart, length);
  }

  @Override
  public int segments() {
    return 1;
  }

  @Override
  public void enter(int row, int count, RowTable table) {
    for (int i = 0; i < count; i++) {
      table.set(i, 0, address + 4 * ld * (row + i));
    }
  }
}
