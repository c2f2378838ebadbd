package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.cpu.threads.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;

/**
 * The product of rows of a {@link NarrowMap} and a packed weight on vectors. The threads share the
 * tiles of the result; the sums of a tile stay in the second cache until they are complete. Parts
 * of K depend on the problem only, so results do not depend on the number of threads.
 */
final class DotProduct {
  /** Most rows of a tile of the result, a multiple of {@link DotCode#ROWS}. */
  private static final int MAX_ROWS = 96;

  private static final int MIN_ROWS = 24;

  /** Most panels of a tile. */
  private static final int MAX_PANELS = 16;

  /** Words of K that are summed in one go: that much of a panel stays in the first cache. */
  private static final int DEPTH = 256;

  /** Enough tiles for a thread to keep all busy to the end. */
  private static final int TILES_PER_THREAD = 6;

  /** A part of K: some words of each of some segments; {@code k} is where it begins. */
  private record Part(int k, int segment, int segments, int from, int length) {}

  private final Workers workers;
  private final DotKit kit;
  private final PackedWeight w;
  private final MemorySegment packed;
  private final long bias;
  private final MemorySegment y;
  private final Activation activation;

  /**
   * A product with a weight.
   *
   * @param bias address of a float for each column of all panels
   * @param y the result, row by row
   */
  DotProduct(
      Workers workers,
      DotKit kit,
      PackedWeight w,
      MemorySegment packed,
      long bias,
      MemorySegment y,
      Activation activation) {
    this.workers = workers;
    this.kit = kit;
    this.w = w;
    this.packed = packed;
    this.bias = bias;
    this.y = y;
    this.activation = activation;
  }

  private static List<Part> parts(int segments, int length) {
    List<Part> parts = new ArrayList<>();
    if (length > DEPTH) {
      int pieces = Math.ceilDiv(length, DEPTH);
      for (int s = 0; s < segments; s++) {
        for (int i = 0; i < pieces; i++) {
          int from = (int) ((long) length * i / pieces);
          int to = (int) ((long) length * (i + 1) / pieces);
          parts.add(new Part(s * length + from, s, 1, from, to - from));
        }
      }
    } else {
      int together = DEPTH / length;
      for (int s = 0; s < segments; s += together) {
        parts.add(new Part(s * length, s, Math.min(together, segments - s), 0, length));
      }
    }
    return parts;
  }

  /** Computes all rows of a map. Row 0 goes to element {@code first} of the result. */
  void run(NarrowMap left, long first) {
    int rows = left.rows();
    List<Part> parts = parts(left.segments(), left.length());
    int many = TILES_PER_THREAD * workers.threadCount();
    int height = Math.min(MAX_ROWS, Math.ceilDiv(rows, DotCode.ROWS) * DotCode.ROWS);
    int wide = Math.ceilDiv(w.panels(), MAX_PANELS);
    while (wide * 2 <= w.panels() && Math.ceilDiv(rows, height) * wide < many) {
      wide *= 2;
    }
    while (height > MIN_ROWS && Math.ceilDiv(rows, height) * wide < many) {
      height /= 2;
    }
    int h = height;
    int columnTiles = wide;
    int rowTiles = Math.ceilDiv(rows, h);
    workers.run(
        Math.multiplyExact(rowTiles, columnTiles),
        task -> {
          int t = task / rowTiles;
          int row = task % rowTiles * h;
          int panel = (int) ((long) w.panels() * t / columnTiles);
          int end = (int) ((long) w.panels() * (t + 1) / columnTiles);
          int count = Math.min(h, rows - row);
          tile(left, parts, first, row, count, panel, end);
        });
  }

  private void tile(
      NarrowMap left, List<Part> parts, long first, int row, int count, int panel, int endPanel) {
    // One line more than the columns: rows a power of two apart would push each other out.
    long sumsRow = 4L * ((long) (endPanel - panel) * PackedWeight.PANEL + 16);
    MemorySegment sums = NativeScratch.get(NativeScratch.Part.TILE, count * sumsRow);
    RowTable table = new RowTable(count, DotCode.ROWS, left.segments());
    left.enter(row, count, table);
    Frame frame = NativeScratch.frame();
    int tiles = count / DotCode.ROWS;
    int rest = count % DotCode.ROWS;
    boolean add = false;
    for (Part part : parts) {
      long bytes = 4L * PackedWeight.PANEL * part.segments() * part.length();
      for (int j = panel; j < endPanel; j++) {
        long at = j * w.panelBytes() + 4L * PackedWeight.PANEL * part.k();
        long b = Range.address(packed, at, bytes);
        long c = sums.address() + 4L * PackedWeight.PANEL * (j - panel);
        if (tiles > 0) {
          multiply(table, 0, tiles, DotCode.ROWS, part, frame, b, c, sumsRow, add);
        }
        if (rest > 0) {
          long behind = c + tiles * DotCode.ROWS * sumsRow;
          multiply(table, tiles, 1, rest, part, frame, b, behind, sumsRow, add);
        }
      }
      add = true;
    }
    int column = panel * PackedWeight.PANEL;
    int columns = Math.min(endPanel * PackedWeight.PANEL, w.out()) - column;
    finish(left, first, row, count, column, columns, sums, sumsRow);
    Reference.reachabilityFence(sums);
  }

  private void multiply(
      RowTable table,
      int tile,
      int tiles,
      int rows,
      Part part,
      Frame frame,
      long b,
      long c,
      long sumsRow,
      boolean add) {
    new DotCode(kit.type, rows)
        .run(
            kit.tile(rows),
            frame,
            table.address(tile, part.segment()),
            table.tileBytes(),
            part.from(),
            part.length(),
            part.segments(),
            b,
            c,
            sumsRow,
            tiles,
            add);
  }

  private void finish(
      NarrowMap left,
      long first,
      int row,
      int count,
      int column,
      int columns,
      MemorySegment sums,
      long sumsRow) {
    boolean bytes = kit.type == DotType.INT8;
    long scales = bytes ? Range.address(packed, w.scalesAt(), 4L * w.panels() * 32) : 0;
    long columnSums = bytes ? Range.address(packed, w.sumsAt(), 4L * w.panels() * 32) : 0;
    for (int done = 0; done < count; ) {
      int run = left.run(row + done, count - done);
      long at = first + (long) (row + done) * w.out() + column;
      long extent = (run - 1L) * w.out() + columns;
      FinishCode.run(
          kit.finish,
          NativeScratch.frame(),
          sums.address() + done * sumsRow,
          sumsRow,
          Range.address(y, 4 * at, 4 * extent),
          4L * w.out(),
          bias + 4L * column,
          scales + 4L * column,
          columnSums + 4L * column,
          left.quantum(row + done, run),
          left.quantumStep(),
          run,
          columns);
      RowActivation.apply(VectorLevel.AVX512, activation, y, at, w.out(), run, columns);
      done += run;
    }
  }
}
