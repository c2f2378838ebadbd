package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;

/**
 * The addresses that {@link TileCode} reads: tile by tile, segment by segment, of the tile's rows.
 */
final class RowTable {
  private final MemorySegment words;
  private final int tileRows;
  private final int segments;

  /** A table for up to {@code rows} rows in the calling thread's scratch memory. */
  RowTable(int rows, int tileRows, int segments) {
    this.tileRows = tileRows;
    this.segments = segments;
    long tiles = Math.ceilDiv(rows, tileRows);
    words = NativeScratch.get(NativeScratch.Part.ROWS, tiles * tileBytes());
  }

  /** Enters where a segment of a row begins. */
  void set(int row, int segment, long address) {
    words.setAtIndex(
        JAVA_LONG,
        ((long) row / tileRows * segments + segment) * tileRows + row % tileRows,
        address);
  }

  /** Bytes from tile to tile. */
  long tileBytes() {
    return (long) Long.BYTES * segments * tileRows;
  }

  /** Address of the entries of a tile, from a segment on. */
  long address(int tile, int segment) {
    long offset = tile * tileBytes() + (long) Long.BYTES * segment * tileRows;
    return Range.address(words, offset, Long.BYTES);
  }
}
