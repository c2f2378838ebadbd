package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedJoin;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.cpu.jit.JoinCode.Join;
import dev.viridian.kernels.cpu.threads.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The product of the pixels of a map and a packed weight on tiles (AMX). A task has some rows of
 * the map and some panels of the weight. Its thread copies what these rows need in low precision
 * itself, once for all its tasks of these rows; some panels are multiplied piece by piece of K, so
 * that what a piece reads of the copy stays in the second cache, whereto each piece of a panel is
 * fetched by the one before. Pieces depend on the problem only, so results do not depend on the
 * number of threads.
 */
final class AmxProduct {
  /** Steps of a piece of K, about. */
  private static final int DEPTH = 40;

  /** Pixels of a task at most and, if there are enough tasks, at least. */
  private static final int MOST_PIXELS = 512;

  private static final int ENOUGH_PIXELS = 256;

  /** Fewest pixels of a task whose copy is too large. */
  private static final int FEWEST_PIXELS = 64;

  /** Most bytes of a task's copy; of it a piece of K reads a part, which the second cache holds. */
  private static final int COPY = 3 << 20;

  private static final long BLOCK_BYTES = (long) AmxCode.ROWS * AmxCode.PANEL_ROW;

  /** Bytes of the sums of panels that are multiplied together. */
  private static final int SUMS = 256 << 10;

  private static final int TASKS_PER_THREAD = 8;

  /** Rows that are multiplied for one of the result: tiles are that much faster than vectors. */
  private static final int MOST_PER_ROW = 4;

  /** From here on a result does not stay in the caches, so it need not go through them. */
  private static final long LARGE = 1 << 20;

  private final Workers workers;
  private final DotKit kit;
  private final ConvProblem p;
  private final PackedWeight w;
  private final Data data;
  private final @Nullable Join join;
  private final MemorySegment zeros;
  private final NarrowMap map;
  private final List<Piece> pieces;

  /** A piece of K: some steps of each of some segments; {@code at} is its first step of all. */
  private record Piece(int at, int segment, int segments, int from, int steps) {}

  /**
   * The numbers of a call.
   *
   * @param x the map, of {@code type}
   * @param bias a float for each column of all panels
   * @param onto what is added to the result, if anything
   * @param y the result
   */
  record Data(
      MemorySegment x,
      DType type,
      MemorySegment packed,
      MemorySegment bias,
      @Nullable MemorySegment onto,
      MemorySegment y) {}

  /** A product that {@link #takes} allows. */
  AmxProduct(Workers workers, DotKit kit, ConvProblem p, PackedWeight w, Data data) {
    this(workers, kit, p, w, data, null);
  }

  /** A product of which something becomes; null: nothing else. */
  AmxProduct(
      Workers workers, DotKit kit, ConvProblem p, PackedWeight w, Data data, @Nullable Join join) {
    this.workers = workers;
    this.kit = kit;
    this.p = p;
    this.w = w;
    this.data = data;
    this.join = join == null && copies() ? Join.COPY : join;
    map = new NarrowMap(kit, workers, p, w, data.x, data.type, spreads(p));
    pieces = pieces(map.segments(), 4 * map.length() / AmxCode.STEP);
    zeros = NativeScratch.get(NativeScratch.Part.ZEROS, 4L * PackedWeight.PANEL * w.panels());
  }

  /** Whether the result is as the sums are, whole panels wide, and large. */
  private boolean copies() {
    return kit.type == DotType.BF16
        && p.activation() == Activation.NONE
        && w.out() % PackedWeight.PANEL == 0
        && data.y.address() % JoinCode.ALIGNMENT == 0
        && 4L * p.n() * p.outH() * p.outW() * w.out() >= LARGE;
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

  /** Whether that may become of a product's columns: they are whole panels, gated ones two each. */
  static boolean joins(PackedJoin p) {
    int panels = p.kind() == PackedJoin.Kind.GATED ? 2 : 1;
    return p.weight().precision() == Precision.BF16
        && p.weight().out() % (panels * PackedWeight.PANEL) == 0;
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
    int panels = join == Join.GATED ? w.panels() / 2 : w.panels();
    int parts = Math.clamp(Math.ceilDiv(enough, all), 1, panels);
    Map<Thread, Rows> own = new ConcurrentHashMap<>();
    workers.run(
        Math.multiplyExact(all, parts),
        task -> {
          int band = task / parts;
          int row = band % bands * height;
          int part = task % parts;
          Rows rows = own.computeIfAbsent(Thread.currentThread(), thread -> new Rows());
          rows.enter(band / bands, row, Math.min(height, p.outH() - row));
          int end = (int) ((long) panels * (part + 1) / parts);
          int first = (int) ((long) panels * part / parts);
          int group = rows.group();
          for (int j = first; j < end; j += group) {
            rows.multiply(j, Math.min(group, end - j));
          }
        });
    Reference.reachabilityFence(own);
    Reference.reachabilityFence(zeros);
  }

  /** A thread's rows of the map, and their tiles. */
  private final class Rows {
    private final NarrowMap copy = map.another();
    private MemorySegment table = MemorySegment.NULL;
    private Code code = kit.amx(1);
    private int image = -1;
    private int row;
    private int pixels;

    /** Neighbouring pixels whose sums are neighbours, too. */
    private int inRow;

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
      inRow = copy.even() || p.outW() % AmxCode.TILE == 0 ? pixels : p.outW();
      int each = Math.ceilDiv(inRow, AmxCode.TILE);
      int tiles = Math.multiplyExact(pixels / inRow, each);
      blocks = Math.ceilDiv(tiles, 2);
      code = kit.amx(AmxCode.lines(blocks));
      int[] first = new int[2 * blocks];
      for (int i = 0; i < first.length; i++) {
        int of = Math.min(i, tiles - 1); // a block's second tile may be its first once more
        first[i] = of / each * inRow + of % each * AmxCode.TILE;
      }
      long[] addresses = new long[first.length];
      copy.tiles(first, AmxCode.TILE, addresses);
      table = NativeScratch.get(NativeScratch.Part.ROWS, (long) Long.BYTES * addresses.length);
      MemorySegment.copy(addresses, 0, table, JAVA_LONG, 0, addresses.length);
    }

    /** How many panels are best multiplied together: their sums stay in the second cache. */
    int group() {
      long each = (join == Join.GATED ? 2 : 1) * blocks * BLOCK_BYTES;
      return pieces.size() == 1 ? 1 : (int) Math.max(1, SUMS / each);
    }

    /** The result of some panels' columns. */
    void multiply(int panel, int count) {
      int all = join == Join.GATED ? 2 * count : count;
      MemorySegment scratch =
          NativeScratch.get(NativeScratch.Part.TILE, all * blocks * BLOCK_BYTES);
      sums(panel, count, scratch);
      long pixel = ((long) image * p.outH() + row) * p.outW();
      for (int i = 0; i < count; i++) {
        long at = i * blocks * BLOCK_BYTES;
        if (join != null) {
          join(panel + i, pixel, scratch, at, at + count * blocks * BLOCK_BYTES, join);
        } else {
          finish(panel + i, pixel, scratch, at);
        }
      }
      Reference.reachabilityFence(scratch);
    }

    /**
     * Takes sums of a panel to the result.
     *
     * @param sums their memory; they begin at byte {@code at}, those of its gate at another
     */
    private void join(int panel, long pixel, MemorySegment sums, long at, long gates, Join how) {
      boolean gated = how == Join.GATED;
      long columns = gated ? w.out() / 2 : w.out();
      long width = how.rowBytes();
      long rowBytes = width / PackedWeight.PANEL * columns;
      long ontoRow = 4 * columns;
      for (int first = 0; first < pixels; first += inRow) {
        int count = Math.min(inRow, pixels - first);
        long from = (long) first / inRow * padded() * AmxCode.PANEL_ROW;
        long bytes = (long) count * AmxCode.PANEL_ROW;
        long other = gated ? Range.address(sums, gates + from, bytes) : 0;
        if (how == Join.ONTO) {
          long ontoAt = (pixel + first) * ontoRow + (long) panel * AmxCode.PANEL_ROW;
          long extent = (count - 1) * ontoRow + AmxCode.PANEL_ROW;
          other = Range.address(Objects.requireNonNull(data.onto), ontoAt, extent);
        }
        long to = (pixel + first) * rowBytes + panel * width;
        JoinCode.run(
            kit.join(how),
            NativeScratch.frame(),
            Range.address(sums, at + from, bytes),
            other,
            gated ? AmxCode.PANEL_ROW : ontoRow,
            Range.address(data.y, to, (count - 1) * rowBytes + width),
            rowBytes,
            count);
      }
    }

    /** Rows of sums for neighbouring pixels: whole tiles. */
    private int padded() {
      return Math.ceilDiv(inRow, AmxCode.TILE) * AmxCode.TILE;
    }

    /**
     * Multiplies all by some panels, and by their gates, one behind the other in scratch memory.
     */
    private void sums(int panel, int count, MemorySegment scratch) {
      int all = join == Join.GATED ? 2 * count : count;
      for (int i = 0; i < pieces.size(); i++) {
        Piece piece = pieces.get(i);
        for (int j = 0; j < all; j++) {
          int of = number(panel, count, j);
          long next =
              j + 1 < all
                  ? at(number(panel, count, j + 1), piece)
                  : i + 1 < pieces.size()
                      ? at(panel, pieces.get(i + 1))
                      : at(panel + count, pieces.getFirst());
          run(piece, of, next, scratch, j * blocks * BLOCK_BYTES);
        }
      }
      Reference.reachabilityFence(table);
    }

    private int number(int panel, int count, int i) {
      return i < count ? panel + i : panel + w.panels() / 2 + i - count;
    }

    private long at(int panel, Piece piece) {
      return panel * w.panelBytes() + (long) piece.at * AmxCode.PANEL_STEP;
    }

    private void run(Piece piece, int panel, long next, MemorySegment scratch, long sumsAt) {
      long bytes = (long) piece.segments * piece.steps * AmxCode.PANEL_STEP;
      long b = Range.address(data.packed, at(panel, piece), bytes);
      AmxCode.Steps steps =
          new AmxCode.Steps(
              piece.segment * copy.segmentStep() + (long) piece.from * AmxCode.STEP,
              copy.pixelStep(),
              copy.segmentStep(),
              piece.segments,
              piece.steps);
      long tiles = Range.address(table, 0, 2L * Long.BYTES * blocks);
      long to = Range.address(scratch, sumsAt, blocks * BLOCK_BYTES);
      AmxCode.Sums sums = new AmxCode.Sums(to, AmxCode.PANEL_ROW, BLOCK_BYTES);
      AmxCode.Sums in = sums;
      if (piece.at == 0) {
        boolean biased = kit.type == DotType.BF16 && p.bias();
        long beginAt = (long) panel * AmxCode.PANEL_ROW;
        in =
            biased
                ? new AmxCode.Sums(Range.address(data.bias, beginAt, AmxCode.PANEL_ROW), 0, 0)
                : AmxCode.Sums.NOTHING;
      }
      long fetched = data.packed.address() + next; // nothing faults, whatever lies there
      AmxCode.run(code, NativeScratch.frame(), tiles, steps, b, fetched, in, sums, blocks);
    }

    /** Takes sums of a panel to the result as they are wanted. */
    private void finish(int panel, long firstPixel, MemorySegment sums, long sumsAt) {
      int column = panel * PackedWeight.PANEL;
      int columns = Math.min(PackedWeight.PANEL, w.out() - column);
      boolean bytes = kit.type == DotType.INT8;
      long scales = bytes ? Range.address(data.packed, w.scalesAt(), 4L * w.panels() * 32) : 0;
      long columnSums = bytes ? Range.address(data.packed, w.sumsAt(), 4L * w.panels() * 32) : 0;
      MemorySegment added = bytes ? data.bias : zeros; // bfloat16 began with the bias
      long first = firstPixel * w.out() + column;
      for (int pixel = 0; pixel < pixels; ) {
        int run = copy.run(pixel, inRow - pixel % inRow);
        long from = (pixel / inRow * padded() + pixel % inRow) * (long) AmxCode.PANEL_ROW;
        long at = first + (long) pixel * w.out();
        FinishCode.run(
            kit.finish,
            NativeScratch.frame(),
            Range.address(sums, sumsAt + from, (long) run * AmxCode.PANEL_ROW),
            AmxCode.PANEL_ROW,
            Range.address(data.y, 4 * at, 4 * ((run - 1L) * w.out() + columns)),
            4L * w.out(),
            Range.address(added, 4L * column, AmxCode.PANEL_ROW),
            scales + 4L * column,
            columnSums + 4L * column,
            copy.quantum(pixel, run),
            copy.quantumStep(),
            run,
            columns);
        pixel += run;
      }
      Activation activation = p.activation();
      MemorySegment y = data.y;
      RowActivation.apply(VectorLevel.AVX512, activation, y, first, w.out(), pixels, columns);
    }
  }
}
