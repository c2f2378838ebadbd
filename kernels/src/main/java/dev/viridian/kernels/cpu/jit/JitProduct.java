package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.cpu.threads.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A blocked product on generated code. Chunk by chunk of columns, the threads first copy the right
 * factor into panels, once for all; then they share the tiles of the result. The left factor is
 * read where it lies, the sums of a tile stay in the second cache until they are complete.
 *
 * <p>A value of the result is the same sum in the same order whichever tile it falls into: parts of
 * K depend on the problem only. So results do not depend on the number of threads.
 *
 * <p>Where additions run beside multiplications, products by a weight are those of {@link
 * PairSums}. Then the error of a value is bounded by the lengths of its row and column rather than
 * by the sizes of their products one by one: it is at most a few times K · 2^−24 times the product
 * of both's greatest values in each part of K of {@link PairTile}, summed over the parts; for
 * numbers that are alike about what that of plain sums is. Neither other rows nor other columns
 * matter. Parts of eight rows, or of a panel of columns, that have a value that is not finite or is
 * {@link PairNumbers#LIMIT} or more, are multiplied plainly.
 */
final class JitProduct {
  /**
   * A part of K that is summed in one go: some values of each of some segments.
   *
   * @param k where it begins in K
   */
  private record Part(int k, int segment, int segments, int from, int length) {
    int values() {
      return segments * length;
    }
  }

  /**
   * Most rows of a tile of the result: with a part of K they fill a quarter of the second cache.
   */
  private static final int MAX_ROWS = 96;

  /** Up to as many rows of a weight's product, each thread copies the panels that it needs. */
  private static final int OWN_ROWS = 256;

  /** Panels of a task then: the left factor is read once for so many. */
  private static final int OWN_PANELS = 4;

  private static final int MIN_ROWS = 24;
  private static final int MAX_COLUMNS = 512;

  /** Enough tiles for a thread to keep all busy to the end. */
  private static final int TILES_PER_THREAD = 6;

  /** Bytes in a chunk of panels: a part of the last cache. */
  private static final long MAX_PANELS = 8 << 20;

  /** Most of K in a chunk; with more, sums are collected in the result. */
  private static final int MAX_DEPTH = 1 << 14;

  /** Values of K that are copied into a panel at a time: they stay in the first cache. */
  private static final int PACK_DEPTH = 256;

  /** Products this narrow cost next to nothing: shorter sums make them more exact. */
  private static final int FEW = 32;

  private static final int SHORT = 64;

  /** Fewer values of K or columns are not multiplied as pairs. */
  private static final int LEAST_PAIRED = 64;

  private final Workers workers;
  private final Kit kit;
  private final LeftRows left;
  private final RightFactor right;

  /** What is fetched while the multipliers work; null if that is left to who copies. */
  private final @Nullable RightMatrix source;

  private final int rows;
  private final int columns;
  private final ProductOutput output;
  private final int tileRows;
  private final int panelColumns;

  /** Whether products are those of {@link PairTile}. */
  private final boolean paired;

  /** {@code output = left · right}, of {@code rows} × {@code columns}. */
  JitProduct(
      Workers workers,
      Kit kit,
      LeftRows left,
      RightFactor right,
      int rows,
      int columns,
      ProductOutput output) {
    this.workers = workers;
    this.kit = kit;
    this.left = left;
    this.rows = rows;
    this.columns = columns;
    this.output = output;
    tileRows = kit.level.rows();
    panelColumns = kit.level.columns();
    source = source(right);
    this.right = source != null ? source : right;
    paired = pairs(kit, left, right, rows, columns);
  }

  /** Whether a product is one by a weight, large enough for a copy of rows, and pairs gain here. */
  static boolean pairs(Kit kit, LeftRows left, RightFactor right, int rows, int columns) {
    return kit.pairs()
        && right instanceof RightMatrix matrix
        && matrix.alongK()
        && left.segments() == 1
        && left.length() % PairTile.CHUNK == 0
        && left.length() >= LEAST_PAIRED
        && columns >= LEAST_PAIRED
        && rows >= 2 * PairTile.ROWS;
  }

  /** The right factor, if tiles of all rows and some of its panels keep all threads busy. */
  private @Nullable RightMatrix source(RightFactor factor) {
    boolean many = columns >= 2 * workers.threadCount() * panelColumns;
    return factor instanceof RightMatrix matrix
            && matrix.alongK()
            && rows <= (many ? OWN_ROWS : MAX_ROWS)
        ? matrix.fetched()
        : null;
  }

  /** The parts of K. */
  private List<Part> parts() {
    List<Part> parts = new ArrayList<>();
    int most = Math.min(rows, columns) <= FEW ? SHORT : kit.level.depth();
    int length = left.length();
    int segments = left.segments();
    if (length > most) {
      int pieces = Math.ceilDiv(length, most);
      // Whole lines, so that none is left to slow loops but at the end.
      int piece = Math.ceilDiv(Math.ceilDiv(length, pieces), TurnCode.LANES) * TurnCode.LANES;
      for (int s = 0; s < segments; s++) {
        for (int from = 0; from < length; from += piece) {
          int values = Math.min(piece, length - from);
          parts.add(new Part(s * length + from, s, 1, from, values));
        }
      }
    } else if (length > 0) {
      int together = most / length;
      for (int s = 0; s < segments; s += together) {
        parts.add(new Part(s * length, s, Math.min(together, segments - s), 0, length));
      }
    }
    return parts;
  }

  /** Computes the product. */
  void run() {
    if (rows == 0 || columns == 0) {
      return;
    }
    List<Part> parts = parts();
    int done = 0;
    do {
      int end = done;
      int depth = 0;
      while (end < parts.size() && depth + parts.get(end).values() <= MAX_DEPTH) {
        depth += parts.get(end++).values();
      }
      long panel = 4L * panelColumns * Math.max(1, depth);
      long most = shared() ? Math.max(4, MAX_PANELS / panel) : columns;
      int width = (int) Math.min(columns, most * panelColumns);
      for (int column = 0; column < columns; column += width) {
        int to = (int) Math.min(columns, (long) column + width);
        new Chunk(parts.subList(done, end), depth, column, to, done == 0, end == parts.size())
            .run();
      }
      done = end;
    } while (done < parts.size());
  }

  /** Whether several tiles use a panel. Else each copies what it needs just before it does. */
  private boolean shared() {
    return rows > MAX_ROWS && source == null;
  }

  /** The part of a product that one set of panels serves. */
  private final class Chunk {
    final List<Part> parts;
    final int firstK;
    final int depth;
    final int column;
    final int width;
    final boolean first;
    final boolean last;
    final int panelCount;
    final @Nullable MemorySegment panels;

    /** For pairs: bytes of a panel's numbers up to each part. */
    final long[] numbersTo;

    /** Parts of shared panels that are nothing for pairs. */
    final boolean[] unusual;

    /** The parts of all rows, if all tasks need them. */
    List<PairLeft> lefts = List.of();

    Chunk(List<Part> parts, int depth, int column, int toColumn, boolean first, boolean last) {
      this.parts = parts;
      this.depth = depth;
      this.column = column;
      this.first = first;
      this.last = last;
      firstK = parts.isEmpty() ? 0 : parts.getFirst().k();
      width = toColumn - column;
      panelCount = Math.ceilDiv(width, panelColumns);
      numbersTo = new long[parts.size() + 1];
      for (int i = 0; i < parts.size(); i++) {
        int values = parts.get(i).values();
        numbersTo[i + 1] =
            numbersTo[i] + (paired ? PairColumnsCode.numberBytes(panelColumns, values) : 0);
      }
      unusual = new boolean[Math.multiplyExact(panelCount, parts.size())];
      long bytes = panelCount * (panelAt(1) + numbersTo[parts.size()]);
      panels = shared() ? NativeScratch.get(NativeScratch.Part.PANELS, bytes) : null;
    }

    /** Columns of a panel: fewer in the last, but whole vectors. */
    int panelWidth(int panel) {
      int present = Math.min(panelColumns, width - panel * panelColumns);
      int lanes = kit.level.lanes();
      return Math.ceilDiv(present, lanes) * lanes;
    }

    /** Byte where a panel begins. */
    long panelAt(int panel) {
      return 4L * panel * panelColumns * depth;
    }

    void run() {
      MemorySegment all = panels;
      if (paired && all != null) {
        workers.run(
            Math.multiplyExact(panelCount, parts.size()),
            task -> packPairs(task / parts.size(), task % parts.size(), all));
      } else if (all != null && depth > 0) {
        int blocks = Math.ceilDiv(depth, PACK_DEPTH);
        workers.run(
            Math.multiplyExact(panelCount, blocks),
            task -> pack(task / blocks, task % blocks, all));
      }
      if (paired && all == null) {
        int[] from = parts.stream().mapToInt(Part::from).toArray();
        int[] length = parts.stream().mapToInt(Part::length).toArray();
        lefts = PairLeft.copies(workers, kit, left, rows, from, length);
      }
      int height = shared() ? MAX_ROWS : rows;
      int tiles = shared() ? Math.ceilDiv(width, MAX_COLUMNS) : ownTiles();
      if (shared()) {
        int many = TILES_PER_THREAD * workers.threadCount();
        while (tiles * 4 <= panelCount && Math.ceilDiv(rows, height) * tiles < many) {
          tiles *= 2;
        }
        while (height > MIN_ROWS && Math.ceilDiv(rows, height) * tiles < many) {
          height /= 2;
        }
      }
      int h = height;
      int rowTiles = Math.ceilDiv(rows, h);
      int columnTiles = tiles;
      workers.run(
          Math.multiplyExact(rowTiles, columnTiles),
          task -> {
            int t = task / rowTiles;
            int row = task % rowTiles * h;
            int panel = (int) ((long) panelCount * t / columnTiles);
            int endPanel = (int) ((long) panelCount * (t + 1) / columnTiles);
            tile(row, Math.min(h, rows - row), panel, endPanel);
          });
      Reference.reachabilityFence(panels);
      Reference.reachabilityFence(lefts);
    }

    /** A part of some rows for pairs. */
    PairLeft left(int part, int row, int count) {
      Part p = parts.get(part);
      return panels == null
          ? lefts.get(part)
          : PairLeft.copy(kit, left, row, count, p.from(), p.length());
    }

    /** Copies and scales a part of a shared panel. */
    void packPairs(int panel, int index, MemorySegment to) {
      Part part = parts.get(index);
      pack(panel, part, to, panelAt(panel) + 4L * panelWidth(panel) * (part.k() - firstK));
      unusual[panel * parts.size() + index] = !scale(panel, index, to);
    }

    /** Scales a part of a panel; false if it is nothing for pairs. */
    boolean scale(int panel, int index, MemorySegment memory) {
      Part part = parts.get(index);
      int panelWidth = panelWidth(panel);
      long at = panels == null ? 0 : panelAt(panel) + 4L * panelWidth * (part.k() - firstK);
      long to = Range.address(memory, at, 4L * panelWidth * part.values());
      int k = part.values();
      long numbers = numbers(panel, index, memory);
      return PairColumnsCode.scale(kit, to, 0, 1, panelWidth, k, PairTile.partChunks(k), numbers);
    }

    /** Address of the numbers of a part of a panel. */
    long numbers(int panel, int index, MemorySegment memory) {
      long size = PairColumnsCode.numberBytes(panelColumns, parts.get(index).values());
      long at =
          panels == null
              ? 4L * panelColumns * parts.get(index).values()
              : panelAt(panelCount) + panel * numbersTo[parts.size()] + numbersTo[index];
      return Range.address(memory, at, size);
    }

    /** Tiles of some panels and all rows: as many for each thread. */
    private int ownTiles() {
      int threads = workers.threadCount();
      int rounds = Math.ceilDiv(panelCount, OWN_PANELS * threads);
      return Math.min(panelCount, rounds * threads);
    }

    /** Copies a block of K of a panel. */
    void pack(int panel, int block, MemorySegment to) {
      int from = block * PACK_DEPTH;
      int present = Math.min(panelColumns, width - panel * panelColumns);
      int panelWidth = panelWidth(panel);
      right.pack(
          kit,
          column + panel * panelColumns,
          present,
          firstK + from,
          Math.min(PACK_DEPTH, depth - from),
          to,
          panelAt(panel) + 4L * panelWidth * from,
          panelWidth);
    }

    /** Copies a part of K of a panel. */
    void pack(int panel, Part part, MemorySegment to, long at) {
      int first = panel * panelColumns;
      int present = Math.min(panelColumns, width - first);
      right.pack(kit, column + first, present, part.k(), part.values(), to, at, panelWidth(panel));
    }

    /** Address of a part of K of a panel, which is copied first if it is not shared. */
    long panel(int panel, Part part) {
      int panelWidth = panelWidth(panel);
      if (panels != null) {
        long at = panelAt(panel) + 4L * panelWidth * (part.k() - firstK);
        return Range.address(panels, at, 4L * panelWidth * part.values());
      }
      MemorySegment own = own(part);
      pack(panel, part, own, 0);
      return own.address();
    }

    /** The calling thread's memory for a part of a panel and its numbers. */
    MemorySegment own(Part part) {
      long numbers = paired ? PairColumnsCode.numberBytes(panelColumns, part.values()) : 0;
      return NativeScratch.get(
          NativeScratch.Part.PANEL, 4L * panelColumns * part.values() + numbers);
    }

    /** Where what is copied into a panel lies; null if panels are copied before. */
    @Nullable FetchTable places(int count) {
      if (panels != null || source == null) {
        return null;
      }
      int longest = 0;
      for (Part part : parts) {
        longest = Math.max(longest, part.values());
      }
      long turns =
          paired
              ? PairLeft.turns(count, longest)
              : Math.ceilDiv(count, tileRows) * (long) (longest / TileSums.UNROLL);
      return source.places(panelColumns, longest, turns);
    }

    /**
     * Where the values begin that are copied after a panel: those of the next panel, then those of
     * the next part of K; at the end, of the task that this thread will likely get.
     */
    long place(int part, int panel, int from, int to) {
      RightMatrix matrix = source;
      if (matrix == null) {
        return 0;
      }
      int nextPart = panel + 1 < to ? part : (part + 1) % parts.size();
      int nextPanel = panel + 1 < to ? panel + 1 : from;
      if (panel + 1 == to && nextPart == 0) {
        nextPanel = from + workers.threadCount() * (to - from);
      }
      return matrix.place(column + (long) nextPanel * panelColumns, parts.get(nextPart).k());
    }

    /** Rows {@code row} to {@code row + count − 1} of some panels' columns. */
    void tile(int row, int count, int panel, int endPanel) {
      // One line more than the columns: rows a power of two apart would push each other out.
      long sumsRow = 4L * ((endPanel - panel) * panelColumns + 16);
      MemorySegment sums = NativeScratch.get(NativeScratch.Part.TILE, count * sumsRow);
      if (parts.isEmpty()) {
        sums.fill((byte) 0);
      }
      if (paired) {
        pairs(row, count, panel, endPanel, sums, sumsRow);
      } else {
        plain(row, count, panel, endPanel, sums, sumsRow);
      }
      int firstColumn = column + panel * panelColumns;
      int present = Math.min(endPanel * panelColumns, width) - panel * panelColumns;
      output.store(kit, sums.address(), sumsRow, row, count, firstColumn, present, first, last);
      Reference.reachabilityFence(sums);
    }

    private void plain(
        int row, int count, int panel, int endPanel, MemorySegment sums, long sumsRow) {
      RowTable table = new RowTable(count, tileRows, left.segments());
      left.enter(row, count, table);
      FetchTable next = places(count);
      for (int i = 0; i < parts.size(); i++) {
        Part part = parts.get(i);
        for (int j = panel; j < endPanel; j++) {
          int vectors = panelWidth(j) / kit.level.lanes();
          long b = panel(j, part);
          long c = 4L * (j - panel) * panelColumns;
          TileCode.multiply(
              kit,
              table,
              count,
              part.segment(),
              part.segments(),
              part.from(),
              part.length(),
              b,
              vectors,
              sums,
              c,
              sumsRow,
              i > 0,
              next,
              next == null ? 0 : place(i, j, panel, endPanel));
        }
      }
    }

    private void pairs(
        int row, int count, int panel, int endPanel, MemorySegment sums, long sumsRow) {
      FetchTable next = places(count);
      for (int i = 0; i < parts.size(); i++) {
        Part part = parts.get(i);
        PairLeft rows = left(i, row, count);
        for (int j = panel; j < endPanel; j++) {
          int vectors = panelWidth(j) / kit.level.lanes();
          long b = panel(j, part);
          MemorySegment memory = panels != null ? panels : own(part);
          boolean usual = panels != null ? !unusual[j * parts.size() + i] : scale(j, i, memory);
          long c = 4L * (j - panel) * panelColumns;
          long nextBase = next == null ? 0 : place(i, j, panel, endPanel);
          if (!usual
              || !rows.multiply(
                  b, numbers(j, i, memory), vectors, sums, c, sumsRow, i > 0, next, nextBase)) {
            plainTiles(rows, usual, row, i, j, sums, c, sumsRow);
          }
          Reference.reachabilityFence(memory);
        }
      }
    }

    /** The tiles of rows that are nothing for pairs, or all, by a part of a panel. */
    private void plainTiles(
        PairLeft rows,
        boolean onlyUnusual,
        int row,
        int index,
        int panel,
        MemorySegment sums,
        long c,
        long sumsRow) {
      Part part = parts.get(index);
      MemorySegment own = own(part);
      pack(panel, part, own, 0);
      for (int tile = 0; tile < rows.tiles(); tile++) {
        if (onlyUnusual && rows.usual(tile)) {
          continue;
        }
        int count = rows.rows(tile);
        int first = tile * PairTile.ROWS;
        RowTable table = new RowTable(count, tileRows, 1);
        left.enter(row + first, count, table);
        TileCode.multiply(
            kit,
            table,
            count,
            0,
            1,
            part.from(),
            part.length(),
            own.address(),
            panelWidth(panel) / kit.level.lanes(),
            sums,
            c + first * sumsRow,
            sumsRow,
            index > 0,
            null,
            0);
      }
      Reference.reachabilityFence(own);
    }
  }
}
