package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;

/**
 * Where the values lie that go into a panel, as offsets from its first: two cache lines of each
 * column in turn, then the next two. {@link TileCode} reads it while it multiplies by another
 * panel.
 */
final class FetchTable {
  private static final int LINES = 128;

  private final MemorySegment words;
  private final long entries;

  /**
   * A table in the calling thread's scratch memory.
   *
   * @param columns of the panel
   * @param columnBytes bytes from column to column
   * @param bytes of a column that are needed
   * @param entries how many will be read; those behind the last line fetch the first again
   */
  FetchTable(int columns, long columnBytes, long bytes, long entries) {
    this.entries = entries;
    words = NativeScratch.get(NativeScratch.Part.FETCHES, Long.BYTES * Math.max(1, entries));
    for (long i = 0; i < entries; i++) {
      long at = i / columns * LINES;
      words.setAtIndex(JAVA_LONG, i, at < bytes ? i % columns * columnBytes + at : 0);
    }
  }

  /** Its address, for code that reads so many entries. */
  long address(long count) {
    if (count > entries) {
      throw new IndexOutOfBoundsException(count + " entries of " + entries);
    }
    return words.address();
  }
}
