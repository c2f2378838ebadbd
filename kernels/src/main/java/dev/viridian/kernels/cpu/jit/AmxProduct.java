package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.cpu.threads.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The product of the pixels of a map and a packed weight on tiles (AMX). A task has some rows of
 * the map and some panels of the weight. Its thread copies what these rows need in low precision
 * itself, once for all its tasks of these rows, so that the copy is in its second cache; a panel is
 * multiplied piece by piece of K, each piece from that cache, whereto the one before has fetched
 * it. Pieces depend on the problem only, so results do not depend on the number of threads.
 */
final class AmxProduct {
  /** Steps of a piece of K, about. */
  private static final int DEPTH = 40;

  /** Pixels of a task at most and, if there are enough tasks, at least. */
  private static final int MOST_PIXELS = 512;

  private static final int ENOUGH_PIXELS = 256;

  /** Fewest pixels of a task whose copy is too large. */
  private static final int FEWEST_PIXELS = 64;

  /** Bytes of a task's copy: it shares the second cache with pieces of the weight and sums. */
  private static final int COPY = 896 << 10;

  private static final int TASKS_PER_THREAD = 4;

  /** Rows that are multiplied for one of the result: tiles are that much faster than vectors. */
  private static final int MOST_PER_ROW = 4;

  private final Workers workers;
  private final DotKit kit;
  private final ConvProblem p;
  private final PackedWeight w;
  private final MemorySegment packed;
  private final MemorySegment bias;
  private final MemorySegment zeros;
  private final MemorySegment y;
  private final NarrowMap map;
  private final List<Piece> pieces;

  /** A piece of K: some steps of each of some segments; {@code at} is its first step of all. */
  private record Piece(int at, int segment, int segments, int from, int steps) {}

  /**
   * A product that {@link #takes} allows.
   *
   * @param x the map
   * @param bias a float for each column of all panels
   * @param y the result
   */
  AmxProduct(
      Workers workers,
      DotKit kit,
      ConvProblem p,
      PackedWeight w,
      MemorySegment x,
      MemorySegment packed,
      MemorySegment bias,
      MemorySegment y) {
    this.workers = workers;
    this.kit = kit;
    this.p = p;
    this.w = w;
    this.packed = packed;
    this.bias = bias;
    this.y = y;
    map = new NarrowMap(kit, workers, p, w, x, spreads(p));
    pieces = pieces(map.segments(), 4 * map.length() / AmxCode.STEP);
    zeros = NativeScratch.get(NativeScratch.Part.ZEROS, 4L * PackedWeight.PANEL * w.panels());
  }

  /** Whether there are tiles for a product: its segments are whole steps. */
  static boolean takes(DotKit kit, ConvProblem p, PackedWeight w) {
    long segment = (long) p.kw() * w.tapLength() * kit.type.bytes();
    return kit.hasTiles()
        && NarrowMap.together(p)
        && segment % AmxCode.STEP == 0
        && (spreads(p) || plain(p) || tileColumns(p) <= MOST_PER_ROW * p.outW());
  }

  /** Whether the map is used as it is: all its pixels are rows. */
  private static boolean plain(ConvProblem p) {
    return p.strideH() == 1 && p.kw() == 1 && p.strideW() == 1 && p.w() == p.outW();
  }

  /** Columns of the result, each row filled up to whole tiles. */
  private static int tileColumns(ConvProblem p) {
    return Math.ceilDiv(p.outW(), AmxCode.TILE) * AmxCode.TILE;
  }

  /** Whether the copy is spread: where tiles of one row each would be a tenth empty. */
  private static boolean spreads(ConvProblem p) {
    return p.strideH() == 1 && !plain(p) && 10 * tileColumns(p) > 11 * p.outW();
  }

  private static List<Piece> pieces(int segments, int steps) {
    List<Piece> pieces = new ArrayList<>();
    if (steps > DEPTH) {
      int parts = Math.ceilDiv(steps, DEPTH);
      for (int s = 0; s < segments; s++) {
        for (int i = 0; i < parts; i++) {
          int from = (int) ((long) steps * i / parts);
          int to = (int) ((long) steps * (i + 1) / parts);
          pieces.add(new Piece(s * steps + from, s, 1, from, to - from));
        }
      }
    } else {
      int together = DEPTH / steps;
      for (int s = 0; s < segments; s += together) {
        pieces.add(new Piece(s * steps, s, Math.min(together, segments - s), 0, steps));
      }
    }
    return pieces;
  }

  /** Rows of the result that a task has. */
  private int taskRows() {
    int rows = Math.clamp(MOST_PIXELS / p.outW(), 1, p.outH());
    int enough = TASKS_PER_THREAD * workers.threadCount();
    while (rows > 1
        && (map.bytes(rows) > COPY && rows * p.outW() > FEWEST_PIXELS
            || p.n() * Math.ceilDiv(p.outH(), rows) < enough && rows * p.outW() > ENOUGH_PIXELS)) {
      rows = (rows + 1) / 2;
    }
    return rows;
  }

  /** Computes the result. */
  void run() {
    int height = taskRows();
    int bands = Math.ceilDiv(p.outH(), height);
    int all = Math.multiplyExact(bands, p.n());
    int enough = workers.threadCount() > 1 ? TASKS_PER_THREAD * workers.threadCount() : 1;
    int parts = Math.clamp(Math.ceilDiv(enough, all), 1, w.panels());
    Map<Thread, Rows> own = new ConcurrentHashMap<>();
    workers.run(
        Math.multiplyExact(all, parts),
        task -> {
          int band = task / parts;
          int row = band % bands * height;
          int part = task % parts;
          Rows rows = own.computeIfAbsent(Thread.currentThread(), thread -> new Rows());
          rows.enter(band / bands, row, Math.min(height, p.outH() - row));
          int end = (int) ((long) w.panels() * (part + 1) / parts);
          for (int j = (int) ((long) w.panels() * part / parts); j < end; j++) {
            rows.multiply(j);
          }
        });
    Reference.reachabilityFence(own);
    Reference.reachabilityFence(zeros);
  }

  /** A thread's rows of the map, and their tiles. */
  private final class Rows {
    private final NarrowMap copy = map.another();
    private final boolean joined = copy.even() || p.outW() % AmxCode.TILE == 0;
    private MemorySegment table = MemorySegment.NULL;
    private int image = -1;
    private int row;
    private int pixels;
    private int blocks;

    /** Copies rows of a picture's map unless that has just been done. */
    void enter(int newImage, int newRow, int count) {
      if (image == newImage && row == newRow) {
        return;
      }
      copy.enter(newImage, newRow, count);
      image = newImage;
      row = newRow;
      pixels = count * p.outW();
      int inRow = joined ? pixels : p.outW();
      int each = Math.ceilDiv(inRow, AmxCode.TILE);
      int tiles = Math.multiplyExact(pixels / inRow, each);
      blocks = Math.ceilDiv(tiles, 2);
      table = NativeScratch.get(NativeScratch.Part.ROWS, 2L * Long.BYTES * blocks);
      for (int i = 0; i < 2 * blocks; i++) {
        int of = Math.min(i, tiles - 1); // a block's second tile may be its first once more
        int first = of / each * inRow + of % each * AmxCode.TILE;
        table.setAtIndex(JAVA_LONG, i, copy.tile(first, AmxCode.TILE));
      }
    }

    /** Multiplies all by a panel. */
    void multiply(int panel) {
      int column = panel * PackedWeight.PANEL;
      int columns = Math.min(PackedWeight.PANEL, w.out() - column);
      boolean floats = kit.type == DotType.BF16;
      int straight = floats && joined && columns == PackedWeight.PANEL ? pixels / AmxCode.ROWS : 0;
      long first = ((long) image * p.outH() + row) * p.outW() * w.out() + column;
      long sumBytes = (long) AmxCode.ROWS * AmxCode.PANEL_ROW;
      MemorySegment scratch = NativeScratch.get(NativeScratch.Part.TILE, blocks * sumBytes);
      AmxCode.Sums sums = new AmxCode.Sums(scratch.address(), AmxCode.PANEL_ROW, sumBytes);
      MemorySegment begin = floats ? bias : zeros;
      AmxCode.Sums in =
          new AmxCode.Sums(Range.address(begin, 4L * column, AmxCode.PANEL_ROW), 0, 0);
      for (Piece piece : pieces) {
        boolean last = piece == pieces.getLast();
        if (last && straight > 0) {
          long pitch = 4L * w.out();
          long extent = (straight * AmxCode.ROWS - 1L) * pitch + AmxCode.PANEL_ROW;
          long to = Range.address(y, 4 * first, extent);
          run(piece, panel, 0, straight, in, new AmxCode.Sums(to, pitch, 0));
        }
        int from = last ? straight : 0;
        if (from < blocks) {
          run(piece, panel, from, blocks - from, in.from(from), sums.from(from));
        }
        in = sums;
      }
      int done = straight * AmxCode.ROWS;
      if (done < pixels) {
        finish(scratch, done, first, column, columns);
      }
      activate(first, columns);
      Reference.reachabilityFence(scratch);
      Reference.reachabilityFence(table);
    }

    private void run(
        Piece piece, int panel, int from, int count, AmxCode.Sums in, AmxCode.Sums out) {
      long at = panel * w.panelBytes() + (long) piece.at * AmxCode.PANEL_STEP;
      long bytes = (long) piece.segments * piece.steps * AmxCode.PANEL_STEP;
      long b = Range.address(packed, at, bytes);
      int lines = AmxCode.lines(blocks);
      long fetched = (long) from * piece.segments * piece.steps * lines * 64;
      long table = Range.address(this.table, 16L * from, 16L * count);
      AmxCode.Steps steps =
          new AmxCode.Steps(
              piece.segment * copy.segmentStep() + (long) piece.from * AmxCode.STEP,
              copy.pixelStep(),
              copy.segmentStep(),
              piece.segments,
              piece.steps);
      AmxCode.run(
          kit.amx(lines),
          NativeScratch.frame(),
          table,
          steps,
          b,
          b + bytes + fetched,
          in,
          out,
          count);
    }

    /** Takes sums to the result, from a pixel on. */
    private void finish(MemorySegment sums, int done, long first, int column, int columns) {
      boolean bytes = kit.type == DotType.INT8;
      long scales = bytes ? Range.address(packed, w.scalesAt(), 4L * w.panels() * 32) : 0;
      long columnSums = bytes ? Range.address(packed, w.sumsAt(), 4L * w.panels() * 32) : 0;
      MemorySegment added = bytes ? bias : zeros; // bfloat16 began with the bias
      int inRow = joined ? pixels : p.outW();
      int padded = Math.ceilDiv(inRow, AmxCode.TILE) * AmxCode.TILE;
      for (int pixel = done; pixel < pixels; ) {
        int run = copy.run(pixel, inRow - pixel % inRow);
        long from = (pixel / inRow * padded + pixel % inRow) * (long) AmxCode.PANEL_ROW;
        long at = first + (long) pixel * w.out();
        FinishCode.run(
            kit.finish,
            NativeScratch.frame(),
            Range.address(sums, from, (long) run * AmxCode.PANEL_ROW),
            AmxCode.PANEL_ROW,
            Range.address(y, 4 * at, 4 * ((run - 1L) * w.out() + columns)),
            4L * w.out(),
            Range.address(added, 4L * column, AmxCode.PANEL_ROW),
            scales + 4L * column,
            columnSums + 4L * column,
            copy.quantum(pixel),
            copy.quantumStep(),
            run,
            columns);
        pixel += run;
      }
    }

    private void activate(long first, int columns) {
      Activation activation = p.activation();
      RowActivation.apply(VectorLevel.AVX512, activation, y, first, w.out(), pixels, columns);
    }
  }
}
