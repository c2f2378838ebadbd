package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Where the values lie that go into a panel, as offsets from its first: two cache lines of each
 * column in turn, then the next two. {@link TileCode}, {@link PairTile} and {@link SquaresCode}
 * read it while they multiply by another panel.
 */
final class FetchTable {
  private static final int LINES = 128;

  /** Tables of what lies in one piece, by its lines: they never change. */
  private static final ConcurrentHashMap<Long, FetchTable> STRAIGHT = new ConcurrentHashMap<>();

  /** Entries of those: 256 rows, the most of a task, ask for up to 2112 (AVX-512). */
  private static final int STRAIGHT_ENTRIES = 4096;

  private final MemorySegment words;
  private final long entries;

  private FetchTable(MemorySegment words, int columns, long columnBytes, long bytes, long entries) {
    this.words = words;
    this.entries = entries;
    for (long i = 0; i < entries; i++) {
      long at = i / columns * LINES;
      words.setAtIndex(JAVA_LONG, i, at < bytes ? i % columns * columnBytes + at : 0);
    }
  }

  /**
   * A table in the calling thread's scratch memory.
   *
   * @param columns of the panel
   * @param columnBytes bytes from column to column
   * @param bytes of a column that are needed
   * @param entries how many will be read; those behind the last line fetch the first again
   */
  static FetchTable columns(int columns, long columnBytes, long bytes, long entries) {
    MemorySegment words =
        NativeScratch.get(NativeScratch.Part.FETCHES, Long.BYTES * Math.max(1, entries));
    return new FetchTable(words, columns, columnBytes, bytes, entries);
  }

  /** The table of so many bytes in one piece. */
  static FetchTable straight(long bytes) {
    return STRAIGHT.computeIfAbsent(
        Math.ceilDiv(bytes, LINES),
        lines -> {
          MemorySegment words = Arena.ofAuto().allocate((long) Long.BYTES * STRAIGHT_ENTRIES, 64);
          return new FetchTable(words, 1, 0, lines * LINES, STRAIGHT_ENTRIES);
        });
  }

  /** Its address, for code that reads so many entries. */
  long address(long count) {
    if (count > entries) {
      throw new IndexOutOfBoundsException(count + " entries of " + entries);
    }
    return words.address();
  }
}
