package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.cpu.threads.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A blocked product on generated code. Chunk by chunk of columns, the threads share the tiles of
 * the result, which read the right factor from {@link Panels}. The left factor is read where it
 * lies, the sums of a tile stay in the second cache until they are complete, or are collected where
 * they are wanted.
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

  /** Products this narrow cost next to nothing: shorter sums make them more exact. */
  private static final int FEW = 32;

  private static final int SHORT = 64;

  /**
   * Most of K in a part if a tile takes half of a kept panel's columns: every other line, and so
   * half of the first cache's sets.
   */
  private static final int NARROW_DEPTH = 192;

  /** Fewer values of K or columns are not multiplied as pairs. */
  private static final int LEAST_PAIRED = 64;

  private final Workers workers;
  private final Kit kit;
  private final LeftRows left;
  private final int rows;
  private final int columns;
  private final ProductOutput output;
  private final PanelSource source;

  /** Whether products are those of {@link PairTile}. */
  private final boolean paired;

  /** What the right factor is if it was packed with the model: all of it at once. */
  private final @Nullable PackedWeight kept;

  /** Whether a tile has all rows. Else panels serve tiles of some. */
  private final boolean allRows;

  /** Makes panels of some parts of K of some columns. */
  private interface PanelSource {
    Panels of(List<ProductPart> parts, int column, int count);
  }

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
    kept = null;
    paired = pairs(kit, left, right, rows, columns);
    RightMatrix fetched = fetched(right);
    allRows = rows <= MAX_ROWS || fetched != null;
    RightFactor factor = fetched != null ? fetched : right;
    source =
        (parts, column, count) ->
            allRows
                ? new OwnPanels(kit, factor, parts, column, count, paired, workers.threadCount())
                : new SharedPanels(kit, factor, parts, column, count, paired);
  }

  /**
   * The same by a weight that was packed with the model.
   *
   * @param kit one that {@link Kit#keeps} weights
   * @param left of as many values as the weight has channels
   * @param weight F32, lying in {@code packed}, scaled where the kit has {@link Kit#pairs}
   */
  JitProduct(
      Workers workers,
      Kit kit,
      LeftRows left,
      PackedWeight weight,
      MemorySegment packed,
      int rows,
      ProductOutput output) {
    this.workers = workers;
    this.kit = kit;
    this.left = left;
    this.rows = rows;
    this.columns = weight.out();
    this.output = output;
    kept = weight;
    paired = kit.pairs();
    allRows = rows <= OWN_ROWS;
    source =
        (parts, column, count) -> new KeptPanels(kit, weight, packed, parts, workers.threadCount());
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
  private @Nullable RightMatrix fetched(RightFactor factor) {
    boolean many = columns >= 2 * workers.threadCount() * kit.level.columns();
    return factor instanceof RightMatrix matrix
            && matrix.alongK()
            && rows <= (many ? OWN_ROWS : MAX_ROWS)
        ? matrix.fetched()
        : null;
  }

  /** The parts of K of a weight that was packed with the model. */
  private List<ProductPart> parts(PackedWeight weight) {
    boolean narrow = kit.level.columns() < PackedWeight.PANEL;
    int most = paired ? PackedWeight.PIECE : narrow ? NARROW_DEPTH : kit.level.depth();
    List<ProductPart> parts = new ArrayList<>();
    for (int k = 0; k < weight.channels(); k += weight.pieceLength()) {
      int end = k + weight.pieceLength(k);
      int pieces = Math.ceilDiv(end - k, most);
      int length = Math.ceilDiv(Math.ceilDiv(end - k, pieces), TurnCode.LANES) * TurnCode.LANES;
      for (int from = k; from < end; from += length) {
        parts.add(new ProductPart(from, 0, 1, from, Math.min(length, end - from)));
      }
    }
    return parts;
  }

  /** The parts of K. */
  private List<ProductPart> parts() {
    if (kept != null) {
      return parts(kept);
    }
    List<ProductPart> parts = new ArrayList<>();
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
          parts.add(new ProductPart(s * length + from, s, 1, from, values));
        }
      }
    } else if (length > 0) {
      int together = most / length;
      for (int s = 0; s < segments; s += together) {
        parts.add(new ProductPart(s * length, s, Math.min(together, segments - s), 0, length));
      }
    }
    return parts;
  }

  /** Computes the product. */
  void run() {
    if (rows == 0 || columns == 0) {
      return;
    }
    List<ProductPart> parts = parts();
    int maxDepth = kept != null ? Integer.MAX_VALUE : MAX_DEPTH;
    int done = 0;
    do {
      int end = done;
      int depth = 0;
      while (end < parts.size() && depth + parts.get(end).values() <= maxDepth) {
        depth += parts.get(end++).values();
      }
      int panelColumns = kit.level.columns();
      long panel = 4L * panelColumns * Math.max(1, depth);
      long most = allRows || kept != null ? columns : Math.max(4, MAX_PANELS / panel);
      int width = (int) Math.min(columns, most * panelColumns);
      List<ProductPart> some = parts.subList(done, end);
      for (int column = 0; column < columns; column += width) {
        int count = Math.min(width, columns - column);
        Panels panels = source.of(some, column, count);
        new Chunk(panels, column, count, done == 0, end == parts.size()).run();
      }
      done = end;
    } while (done < parts.size());
  }

  /** The part of a product that one set of panels serves. */
  private final class Chunk {
    final Panels panels;
    final List<ProductPart> parts;
    final int column;
    final int width;
    final boolean first;
    final boolean last;

    /** For pairs: the parts of all rows, if all tasks need them. */
    List<PairLeft> lefts = List.of();

    Chunk(Panels panels, int column, int width, boolean first, boolean last) {
      this.panels = panels;
      this.parts = panels.parts;
      this.column = column;
      this.width = width;
      this.first = first;
      this.last = last;
    }

    void run() {
      panels.prepare(workers);
      if (paired && allRows) {
        int[] from = parts.stream().mapToInt(ProductPart::from).toArray();
        int[] length = parts.stream().mapToInt(ProductPart::length).toArray();
        lefts = PairLeft.copies(workers, kit, left, rows, from, length);
      }
      int height = allRows ? rows : MAX_ROWS;
      int tiles = allRows ? ownTiles() : Math.ceilDiv(width, MAX_COLUMNS);
      if (!allRows) {
        int many = TILES_PER_THREAD * workers.threadCount();
        while (tiles * 4 <= panels.count() && Math.ceilDiv(rows, height) * tiles < many) {
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
            int panel = (int) ((long) panels.count() * t / columnTiles);
            int endPanel = (int) ((long) panels.count() * (t + 1) / columnTiles);
            tile(row, Math.min(h, rows - row), panel, endPanel);
          });
      Reference.reachabilityFence(panels);
      Reference.reachabilityFence(lefts);
    }

    /** Tiles of some panels and all rows: as many for each thread. */
    private int ownTiles() {
      int threads = workers.threadCount();
      // Of panels that need no copying, one a task: a thread that woke late misses less.
      int rounds = Math.ceilDiv(panels.count(), (kept != null ? 1 : OWN_PANELS) * threads);
      return Math.min(panels.count(), rounds * threads);
    }

    /** A part of some rows for pairs. */
    private PairLeft left(int part, int row, int count) {
      ProductPart p = parts.get(part);
      return allRows ? lefts.get(part) : PairLeft.copy(kit, left, row, count, p.from(), p.length());
    }

    /** Rows {@code row} to {@code row + count − 1} of some panels' columns. */
    private void tile(int row, int count, int panel, int endPanel) {
      int panelColumns = panels.panelColumns();
      int firstColumn = column + panel * panelColumns;
      int present = Math.min(endPanel * panelColumns, width) - panel * panelColumns;
      int written = (endPanel - 1 - panel) * panelColumns + panels.width(endPanel - 1);
      if (!paired
          && first
          && last
          && !parts.isEmpty()
          && written == present
          && output.takesSums()) {
        long at = output.at(row, firstColumn);
        plain(row, count, panel, endPanel, output.segment(), at, 4 * output.ld());
        return;
      }
      // One line more than the columns: rows a power of two apart would push each other out.
      long sumsRow = 4L * ((endPanel - panel) * panelColumns + 16);
      MemorySegment sums = NativeScratch.get(NativeScratch.Part.TILE, count * sumsRow);
      if (parts.isEmpty()) {
        sums.fill((byte) 0);
      }
      if (paired) {
        pairs(row, count, panel, endPanel, sums, sumsRow);
      } else {
        plain(row, count, panel, endPanel, sums, 0, sumsRow);
      }
      output.store(kit, sums.address(), sumsRow, row, count, firstColumn, present, first, last);
      Reference.reachabilityFence(sums);
    }

    private void plain(
        int row, int count, int panel, int endPanel, MemorySegment sums, long at, long sumsRow) {
      RowTable table = new RowTable(count, kit.level.rows(), left.segments());
      left.enter(row, count, table);
      long turns =
          Math.ceilDiv(count, kit.level.rows()) * (long) (panels.longest() / TileSums.UNROLL);
      FetchTable next = panels.fetches(turns);
      for (int i = 0; i < parts.size(); i++) {
        ProductPart part = parts.get(i);
        for (int j = panel; j < endPanel; j++) {
          long b = panels.values(j, i);
          long c = at + 4L * (j - panel) * panels.panelColumns();
          long nextBase = next == null ? 0 : panels.next(j, i, panel, endPanel);
          multiply(table, count, part, b, panels.width(j), sums, c, sumsRow, i > 0, next, nextBase);
        }
      }
    }

    /** Multiplies rows by a part of a panel of so many columns, tiles of some at a time. */
    private void multiply(
        RowTable table,
        int count,
        ProductPart part,
        long b,
        int width,
        MemorySegment sums,
        long c,
        long sumsRow,
        boolean add,
        @Nullable FetchTable next,
        long nextBase) {
      int vectors = width / kit.level.lanes();
      for (int from = 0; from < vectors; from += VectorLevel.VECTORS) {
        long bytes = (long) Float.BYTES * from * kit.level.lanes();
        TileCode.multiply(
            kit,
            table,
            count,
            part.segment(),
            part.segments(),
            part.from(),
            part.length(),
            b + bytes,
            Math.min(VectorLevel.VECTORS, vectors - from),
            vectors,
            sums,
            c + bytes,
            sumsRow,
            add,
            next,
            nextBase);
      }
    }

    private void pairs(
        int row, int count, int panel, int endPanel, MemorySegment sums, long sumsRow) {
      FetchTable next = panels.fetches(PairLeft.turns(count, panels.longest()));
      for (int i = 0; i < parts.size(); i++) {
        PairLeft rows = left(i, row, count);
        for (int j = panel; j < endPanel; j++) {
          int vectors = panels.width(j) / kit.level.lanes();
          long b = panels.pairs(j, i);
          long c = 4L * (j - panel) * panels.panelColumns();
          long nextBase = next == null ? 0 : panels.next(j, i, panel, endPanel);
          long numbers = panels.numbers(j, i);
          if (b == 0
              || !rows.multiply(b, numbers, vectors, sums, c, sumsRow, i > 0, next, nextBase)) {
            plainTiles(rows, b != 0, row, i, j, sums, c, sumsRow);
          }
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
      ProductPart part = parts.get(index);
      long values = panels.values(panel, index);
      for (int tile = 0; tile < rows.tiles(); tile++) {
        if (onlyUnusual && rows.usual(tile)) {
          continue;
        }
        int count = rows.rows(tile);
        int first = tile * PairTile.ROWS;
        RowTable table = new RowTable(count, kit.level.rows(), 1);
        left.enter(row + first, count, table);
        long to = c + first * sumsRow;
        multiply(
            table, count, part, values, panels.width(panel), sums, to, sumsRow, index > 0, null, 0);
      }
    }
  }
}
