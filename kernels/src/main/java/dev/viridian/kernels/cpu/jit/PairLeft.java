package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.cpu.threads.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Some values of K of some rows of a left factor, copied for {@link PairTile}, tile by tile. Which
 * rows share a tile depends on nothing but their number. Thread-safe as far as each tile is packed
 * by one thread before any multiplies.
 */
final class PairLeft {
  private final Kit kit;
  private final MemorySegment memory;
  private final long at;
  private final int rows;
  private final int k;

  /** Tiles that are nothing for {@link PairTile}; written by who packs them. */
  private final boolean[] unusual;

  /**
   * Room for a copy.
   *
   * @param at byte of the memory where its {@link #bytes} begin
   * @param k values of K, a multiple of {@link PairTile#CHUNK}
   */
  PairLeft(Kit kit, MemorySegment memory, long at, int rows, int k) {
    this.kit = kit;
    this.memory = memory;
    this.at = at;
    this.rows = rows;
    this.k = k;
    unusual = new boolean[tiles()];
    Range.address(memory, at, bytes(rows, k));
  }

  /** Bytes that a copy takes. */
  static long bytes(int rows, int k) {
    long tiles = Math.ceilDiv(rows, PairTile.ROWS);
    return 4L * rows * k + tiles * PairRowsCode.numberBytes(PairTile.ROWS, k);
  }

  /** Some rows' copy in the calling thread's memory. */
  static PairLeft copy(Kit kit, LeftRows left, int row, int count, int from, int k) {
    MemorySegment memory = NativeScratch.get(NativeScratch.Part.LEFT, bytes(count, k));
    PairLeft copy = new PairLeft(kit, memory, 0, count, k);
    for (int tile = 0; tile < copy.tiles(); tile++) {
      copy.pack(left, row, from, tile);
    }
    return copy;
  }

  /** Copies of the first rows in the calling thread's memory, one for each part of K. */
  static List<PairLeft> copies(
      Workers workers, Kit kit, LeftRows left, int rows, int[] from, int[] k) {
    long bytes = 0;
    for (int part : k) {
      bytes += bytes(rows, part);
    }
    MemorySegment memory = NativeScratch.get(NativeScratch.Part.LEFT, bytes);
    List<PairLeft> copies = new ArrayList<>();
    long at = 0;
    for (int part : k) {
      copies.add(new PairLeft(kit, memory, at, rows, part));
      at += bytes(rows, part);
    }
    workers.run(
        Math.multiplyExact(Math.ceilDiv(rows, PairTile.ROWS), k.length),
        task -> {
          int part = task % k.length;
          copies.get(part).pack(left, 0, from[part], task / k.length);
        });
    return copies;
  }

  /** Number of tiles. */
  int tiles() {
    return Math.ceilDiv(rows, PairTile.ROWS);
  }

  /** Rows of a tile. */
  int rows(int tile) {
    return Math.min(PairTile.ROWS, rows - tile * PairTile.ROWS);
  }

  /** Whether a tile can be multiplied here. */
  boolean usual(int tile) {
    return !unusual[tile];
  }

  private long values(int tile) {
    return memory.address() + at + 4L * tile * PairTile.ROWS * k;
  }

  private long numbers(int tile) {
    return values(0) + 4L * rows * k + tile * PairRowsCode.numberBytes(PairTile.ROWS, k);
  }

  /**
   * Copies a tile.
   *
   * @param row of the left factor that is the first here
   * @param from first value of each row's only segment
   */
  void pack(LeftRows left, int row, int from, int tile) {
    if (from < 0 || from > left.length() - k) {
      throw new IllegalArgumentException("values " + from + " + " + k + " of " + left.length());
    }
    int count = rows(tile);
    RowTable table = new RowTable(count, PairTile.ROWS, 1);
    left.enter(row + tile * PairTile.ROWS, count, table);
    MemorySegment greatest =
        NativeScratch.get(NativeScratch.Part.GREATEST, PairNumbers.GREATEST_BYTES);
    PairRowsCode.run(
        kit.pairRows(),
        NativeScratch.frame(),
        table.address(0, 0),
        from,
        count,
        k,
        PairTile.partChunks(k),
        values(tile),
        numbers(tile),
        greatest.address());
    unusual[tile] = !PairNumbers.usual(greatest);
  }

  /**
   * Multiplies all usual tiles by a panel.
   *
   * @param panel address of as many values of K, and of their numbers
   * @param sums where the result goes, from byte {@code to} on, rows {@code row} bytes apart
   * @param add whether the result is added to
   * @param next what to fetch, {@link #turns} entries; null for nothing
   * @param nextBase what its offsets are added to; nothing faults, whatever lies there
   * @return whether all tiles were usual
   */
  boolean multiply(
      long panel,
      long panelNumbers,
      int vectors,
      MemorySegment sums,
      long to,
      long row,
      boolean add,
      @Nullable FetchTable next,
      long nextBase) {
    int lanes = kit.level.lanes();
    long c = Range.address(sums, to, (rows - 1) * row + 4L * vectors * lanes);
    long entries = next == null ? 0 : next.address(turns());
    boolean all = true;
    int tile = 0;
    while (tile < tiles()) {
      int end = tile;
      while (end < tiles() && usual(end) && rows(end) == rows(tile)) {
        end++;
      }
      if (end > tile) {
        PairTile code = new PairTile(rows(tile), vectors, next != null);
        Frame f = NativeScratch.frame();
        long numbersTile = PairRowsCode.numberBytes(PairTile.ROWS, k);
        long valuesTile = 4L * rows(tile) * k;
        PairTile.left(f, values(tile), valuesTile, 0, numbers(tile), numbersTile, 0);
        PairTile.right(f, k, PairTile.partChunks(k), panel, 0, panelNumbers, 0);
        long fetched = tile * (long) PairTile.FETCHES * PairTile.chunks(k);
        PairTile.fetching(f, entries + Long.BYTES * fetched, nextBase);
        long first = c + tile * PairTile.ROWS * row;
        code.result(f, first, row, 0, end - tile, 1, add).call(kit.pairTile(code));
      } else {
        all = false;
        end++;
      }
      tile = end;
    }
    Reference.reachabilityFence(this);
    return all;
  }

  /** Entries of a table that {@link #multiply} reads. */
  long turns() {
    return turns(rows, k);
  }

  /** The same of some rows and values. */
  static long turns(int rows, int k) {
    return (long) Math.ceilDiv(rows, PairTile.ROWS) * PairTile.FETCHES * PairTile.chunks(k);
  }
}
