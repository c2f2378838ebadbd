package dev.viridian.kernels.cpu.vector;

import static dev.viridian.kernels.cpu.vector.MicroKernel.KC;
import static dev.viridian.kernels.cpu.vector.MicroKernel.LDA;
import static dev.viridian.kernels.cpu.vector.MicroKernel.MR;
import static dev.viridian.kernels.cpu.vector.MicroKernel.NR;

import dev.viridian.kernels.cpu.threads.Workers;
import java.util.Arrays;

/**
 * A blocked product of two {@link Operand operands}. Chunk by chunk of the right one, the threads
 * first copy it into panels of NR columns, once for all; then they share the tiles of the result,
 * for which each copies blocks of rows of the left one. Copying widens to float, and brings the
 * values into an order in which {@link MicroKernel} reads them one after the other.
 *
 * <p>A value of the result is the same sum in the same order whichever tile it falls into: blocks
 * of K depend on K only. So results do not depend on the number of threads, nor on which operand
 * was taken for the left one: that is chosen by estimated cost, mostly the one with more rows.
 */
final class Product {
  /**
   * A finished tile of the result: the sums of one part of K.
   *
   * @param at its first value
   * @param ld distance of its rows
   * @param row first row of the result that it covers
   * @param first whether this is the first part of K
   * @param last whether this is the last part of K
   */
  record Tile(
      float[] values,
      int at,
      int ld,
      int row,
      int rows,
      int column,
      int columns,
      boolean first,
      boolean last) {
    /** Row i alone, as row 0 of a result. */
    Tile single(int i) {
      return new Tile(values, at + i * ld, ld, 0, 1, column, columns, first, last);
    }
  }

  /** Where finished tiles go. */
  @FunctionalInterface
  interface Output {
    /** Takes a tile; its array is used again afterwards. */
    void store(Tile tile);
  }

  /** Most rows of a tile: with KC they fill a quarter of the second cache. */
  private static final int MAX_ROWS = 96;

  private static final int MAX_COLUMNS = 512;

  /** Enough tiles for a thread to keep all busy to the end. */
  private static final int TILES_PER_THREAD = 6;

  /** Panels that are packed together, so that memory is read in longer runs. */
  private static final int GROUP = 4;

  /** Length of K in which they are read: together they stay in the first cache. */
  private static final int GROUP_DEPTH = 64;

  /** Floats in a chunk of panels: 8 MiB, a part of the last cache. */
  private static final int MAX_PANELS = 2 << 20;

  /** Most of K in a chunk: then a chunk is wide, and the left factor is not copied too often. */
  private static final int MAX_DEPTH = 8 * KC;

  /** Products this narrow cost next to nothing: shorter sums make them more exact. */
  private static final int FEW = 32;

  private static final int SHORT = 64;

  private final Workers workers;
  private final Operand left;
  private final Operand right;
  private final int rows;
  private final int columns;
  private final boolean flipped;
  private final Output output;

  private Product(
      Workers workers,
      Operand left,
      Operand right,
      int rows,
      int columns,
      boolean flipped,
      Output output) {
    this.workers = workers;
    this.left = left;
    this.right = right;
    this.rows = rows;
    this.columns = columns;
    this.flipped = flipped;
    this.output = output;
  }

  /** Multiplies a [m, k] with the transpose of b [n, k]. */
  static void run(Workers workers, int m, int n, int k, Operand a, Operand b, Output output) {
    if (m == 0 || n == 0) {
      return;
    }
    boolean flip = cost(n, m, k, b, a) + (double) m * n < cost(m, n, k, a, b);
    Product product =
        flip
            ? new Product(workers, b, a, n, m, true, output)
            : new Product(workers, a, b, m, n, false, output);
    product.run(k);
  }

  /** Estimated nanoseconds on one core. */
  private static double cost(int rows, int columns, int k, Operand left, Operand right) {
    double multiply = 0.02 * roundUp(rows, MR) * roundUp(columns, NR);
    double copyLeft = (left.alongK() ? 0.15 : 0.45) * rows * Math.ceilDiv(columns, MAX_COLUMNS);
    double copyRight = (right.alongK() ? 0.45 : 0.15) * columns;
    return k * (multiply + copyLeft + copyRight);
  }

  private static int roundUp(int value, int multiple) {
    return Math.ceilDiv(value, multiple) * multiple;
  }

  private void run(int k) {
    int depths = Math.max(1, Math.ceilDiv(k, MAX_DEPTH));
    int depth = roundUp(Math.ceilDiv(k, depths), KC);
    int width = Math.max(4 * NR, MAX_PANELS / Math.max(1, Math.min(k, depth)) / NR * NR);
    for (int d = 0; d < depths; d++) {
      int from = Math.min(k, d * depth);
      int to = Math.min(k, from + depth);
      for (int column = 0; column < columns; column += width) {
        new Chunk(from, to, column, Math.min(columns, column + width), d == 0, d == depths - 1)
            .run();
      }
    }
  }

  /** The part of a product that one set of panels serves. */
  private final class Chunk {
    final int k;
    final int depth;
    final int blocks;
    final int column;
    final int width;
    final boolean first;
    final boolean last;
    final int panelCount;
    final float[] panels;

    Chunk(int fromK, int toK, int fromColumn, int toColumn, boolean first, boolean last) {
      k = fromK;
      depth = toK - fromK;
      blocks = Math.ceilDiv(depth, Math.min(rows, columns) <= FEW ? SHORT : KC);
      column = fromColumn;
      width = toColumn - fromColumn;
      this.first = first;
      this.last = last;
      panelCount = Math.ceilDiv(width, NR);
      panels = Scratch.get(Scratch.Part.PANELS, panelCount * NR * depth);
    }

    /** Blocks of K are of about the same length. */
    int start(int block) {
      return (int) ((long) depth * block / blocks);
    }

    void run() {
      int groups = Math.ceilDiv(panelCount, GROUP);
      workers.run(groups * blocks, task -> pack(task / groups, task % groups * GROUP));
      int many = TILES_PER_THREAD * workers.threadCount();
      int tileRows = MAX_ROWS;
      int columnTiles = Math.ceilDiv(width, MAX_COLUMNS);
      while (tileRows > 24 && Math.ceilDiv(rows, tileRows) * columnTiles < many) {
        tileRows /= 2;
      }
      while (columnTiles * 8 <= panelCount && Math.ceilDiv(rows, tileRows) * columnTiles < many) {
        columnTiles *= 2;
      }
      int height = tileRows;
      int rowTiles = Math.ceilDiv(rows, height);
      int tiles = columnTiles;
      workers.run(
          Math.multiplyExact(rowTiles, tiles),
          task -> {
            int row = task / tiles * height;
            int t = task % tiles;
            int panel = (int) ((long) panelCount * t / tiles);
            int endPanel = (int) ((long) panelCount * (t + 1) / tiles);
            tile(row, Math.min(height, rows - row), panel, endPanel);
          });
    }

    /** Copies a block of K of some panels. */
    void pack(int block, int panel) {
      int from = start(block);
      int count = start(block + 1) - from;
      int end = Math.min(panel + GROUP, panelCount);
      if (right.alongK()) {
        float[] buffer = Scratch.get(Scratch.Part.BLOCK, NR * LDA);
        for (int j = panel; j < end; j++) {
          int first = column + j * NR;
          int present = Math.min(NR, column + width - first);
          right.read(first, present, k + from, count, buffer, 0, LDA);
          int at = panelAt(from, count, j);
          FloatRuns.transpose(buffer, 0, LDA, present, count, panels, at, NR);
        }
        return;
      }
      int ld = GROUP * NR;
      float[] buffer = Scratch.get(Scratch.Part.BLOCK, GROUP_DEPTH * ld);
      int first = column + panel * NR;
      int present = Math.min(ld, column + width - first);
      for (int p = 0; p < count; p += GROUP_DEPTH) {
        int length = Math.min(GROUP_DEPTH, count - p);
        right.read(first, present, k + from + p, length, buffer, 0, ld);
        for (int j = panel; j < end; j++) {
          int at = panelAt(from, count, j) + p * NR;
          Runs.copyRows(buffer, (j - panel) * NR, ld, length, panels, at, NR);
        }
      }
    }

    int panelAt(int fromK, int count, int panel) {
      return fromK * panelCount * NR + panel * NR * count;
    }

    void tile(int row, int count, int panel, int endPanel) {
      int ld = (endPanel - panel) * NR;
      float[] a = Scratch.get(Scratch.Part.ROWS, (MAX_ROWS + MR) * LDA);
      float[] c = Scratch.get(Scratch.Part.TILE, (MAX_ROWS + MR) * ld);
      if (blocks == 0) {
        Arrays.fill(c, 0, count * ld, 0f);
      }
      for (int block = 0; block < blocks; block++) {
        int from = start(block);
        int length = start(block + 1) - from;
        packRows(row, count, k + from, length, a);
        for (int j = panel; j < endPanel; j++) {
          int b = panelAt(from, length, j);
          for (int i = 0; i < count; i += MR) {
            MicroKernel.run(
                length, a, i * LDA, panels, b, c, i * ld + (j - panel) * NR, ld, block > 0);
          }
        }
      }
      int firstColumn = column + panel * NR;
      int present = Math.min(ld, column + width - firstColumn);
      if (flipped) {
        int flippedLd = roundUp(count, NR);
        float[] turned = Scratch.get(Scratch.Part.FLIPPED, ld * flippedLd);
        FloatRuns.transpose(c, 0, ld, count, present, turned, 0, flippedLd);
        output.store(new Tile(turned, 0, flippedLd, firstColumn, present, row, count, first, last));
      } else {
        output.store(new Tile(c, 0, ld, row, count, firstColumn, present, first, last));
      }
    }

    private void packRows(int row, int count, int fromK, int length, float[] a) {
      if (left.alongK()) {
        left.read(row, count, fromK, length, a, 0, LDA);
      } else {
        float[] buffer = Scratch.get(Scratch.Part.BLOCK, KC * MAX_ROWS);
        left.read(row, count, fromK, length, buffer, 0, count);
        FloatRuns.transpose(buffer, 0, count, length, count, a, 0, LDA);
      }
    }
  }
}
