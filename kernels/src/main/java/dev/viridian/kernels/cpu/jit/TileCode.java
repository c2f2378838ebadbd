package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The innermost loops of every product: for tile after tile of the result, {@code rows} rows of A,
 * read where they lie, times a panel of B. The sums stay in registers over all of K that one call
 * covers; each is a chain of fused multiply-adds in the order of K, whatever the tile's size.
 *
 * <p>A row of A is a number of segments of equal length that lie anywhere: an image's rows under a
 * convolution's kernel, or one segment for a plain matrix. A table gives their addresses: for each
 * tile, for each segment, {@link VectorLevel#rows()} addresses.
 *
 * @param rows of a tile, 1 to the level's
 * @param vectors in a row of the tile, 1 to {@link VectorLevel#VECTORS}
 * @param panelVectors in a row of the panel, of which the tile takes some that lie together
 * @param fetches whether it fetches what will be copied into the next panel towards the second
 *     cache, two cache lines with every four values of K: memory is read while the multipliers work
 */
record TileCode(VectorLevel level, int rows, int vectors, int panelVectors, boolean fetches)
    implements Generated {
  /** Address of the table's first entry; moves on. */
  static final int TABLE = 0;

  /** Bytes of table for a tile. */
  static final int TABLE_STEP = 8;

  /** Bytes from the start of a segment to the first value that is used. */
  static final int FROM = 16;

  /** Bytes to the end of the values that are used, rounded down to four values; and exactly. */
  static final int END_OF_FOURS = 24;

  static final int END = 32;

  /** Address of the panel: values of K one after the other, a row of the panel each. */
  static final int B = 40;

  /** Address of the first tile of the result; moves on. */
  static final int C = 48;

  /** Bytes from one row of the result to the next, and from one tile to the next. */
  static final int C_ROW = 56;

  static final int C_STEP = 64;

  /** Number of segments, at least 1. */
  static final int SEGMENTS = 72;

  /** Number of tiles, at least 1; counts down. */
  static final int TILES = 80;

  /** Whether the result is added to. */
  static final int ADD = 88;

  private static final int CURSOR = 96;
  private static final int SEGMENTS_LEFT = 104;

  /** Address of the next offset to fetch from, and what offsets are added to. */
  private static final int NEXT = 112;

  private static final int NEXT_BASE = 120;
  private static final int LAST_ROW = 128;

  TileCode(VectorLevel level, int rows, int vectors) {
    this(level, rows, vectors, vectors, false);
  }

  TileCode {
    if (rows < 1 || rows > level.rows() || vectors < 1 || vectors > VectorLevel.VECTORS) {
      throw new IllegalArgumentException(rows + " rows of " + vectors + " vectors");
    }
    if (panelVectors < vectors) {
      throw new IllegalArgumentException(vectors + " vectors of " + panelVectors);
    }
  }

  private int rowBytes() {
    return sums().rowBytes();
  }

  private int pitch() {
    return panelVectors * level.lanes() * Float.BYTES;
  }

  private TileSums sums() {
    return new TileSums(level, rows, vectors);
  }

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    TileSums.enter(a);
    CodeBuffer.Label tile = a.here();
    sums().zero(a);
    a.mov(Gpr.RSI, argument(B));
    a.mov(Gpr.RAX, argument(TABLE));
    a.mov(argument(CURSOR), Gpr.RAX);
    a.mov(Gpr.RAX, argument(SEGMENTS));
    a.mov(argument(SEGMENTS_LEFT), Gpr.RAX);
    segments(a);
    a.mov(Gpr.RAX, argument(C));
    a.mov(Gpr.RDX, argument(C_ROW));
    sums().store(a, ADD);
    a.mov(Gpr.RCX, argument(TABLE_STEP));
    a.add(argument(TABLE), Gpr.RCX);
    a.mov(Gpr.RCX, argument(C_STEP));
    a.add(argument(C), Gpr.RCX);
    a.dec(argument(TILES));
    a.jump(Condition.NOT_EQUAL, tile);
    TileSums.leave(a);
    return a.code();
  }

  private void segments(X64Assembler a) {
    CodeBuffer.Label segment = a.here();
    a.mov(Gpr.RCX, argument(CURSOR));
    for (int i = 0; i < rows; i++) {
      a.mov(TileSums.ROW_REGISTERS[i], Mem.at(Gpr.RCX, Long.BYTES * i));
    }
    a.add(argument(CURSOR), Long.BYTES * level.rows());
    a.mov(Gpr.RCX, argument(FROM));
    if (fetches) {
      a.mov(argument(LAST_ROW), Gpr.R15);
    }
    sums().loop(a, END_OF_FOURS, TileSums.UNROLL, pitch(), () -> fetch(a));
    sums().loop(a, END, 1, pitch(), () -> {});
    a.dec(argument(SEGMENTS_LEFT));
    a.jump(Condition.NOT_EQUAL, segment);
  }

  private void fetch(X64Assembler a) {
    if (fetches) {
      a.mov(Gpr.R15, argument(NEXT));
      a.mov(Gpr.R15, Mem.at(Gpr.R15));
      a.add(Gpr.R15, argument(NEXT_BASE));
      a.prefetcht1(Mem.at(Gpr.R15));
      a.prefetcht1(Mem.at(Gpr.R15, 64));
      a.add(argument(NEXT), Long.BYTES);
      a.mov(Gpr.R15, argument(LAST_ROW));
    }
  }

  /**
   * Fills the arguments of a call. Addresses and their extents are the caller's to check.
   *
   * @param from first value of each segment to use
   * @param length how many, 0 or more
   */
  static Frame arguments(
      Frame f, long table, long tableStep, int from, int length, int segments, long b) {
    if (from < 0 || length < 0) {
      throw new IllegalArgumentException("values " + from + " + " + length);
    }
    long first = (long) Float.BYTES * from;
    return f.set(TABLE, table)
        .set(TABLE_STEP, tableStep)
        .set(FROM, first)
        .set(
            END_OF_FOURS, first + (long) Float.BYTES * (length / TileSums.UNROLL * TileSums.UNROLL))
        .set(END, first + (long) Float.BYTES * length)
        .set(SEGMENTS, Range.positive("segments", segments))
        .set(B, b);
  }

  /** Where the result of a call goes. */
  static Frame result(Frame f, long c, long rowBytes, long stepBytes, int tiles, boolean add) {
    return f.set(C, c)
        .set(C_ROW, rowBytes)
        .set(C_STEP, stepBytes)
        .set(TILES, Range.positive("tiles", tiles))
        .set(ADD, add ? 1 : 0);
  }

  /**
   * Multiplies rows by a panel.
   *
   * @param rows how many, from the table's first on
   * @param from first value of each segment to use
   * @param b address of the first of the panel's vectors that are taken
   * @param vectors how many
   * @param panelVectors vectors in a row of the panel
   * @param sums where the result goes, from byte {@code at} on, rows {@code row} bytes apart
   * @param add whether the result is added to
   * @param next what to fetch; null for nothing
   * @param nextBase what its offsets are added to; nothing faults, whatever lies there
   */
  static void multiply(
      Kit kit,
      RowTable table,
      int rows,
      int segment,
      int segments,
      int from,
      int length,
      long b,
      int vectors,
      int panelVectors,
      MemorySegment sums,
      long at,
      long row,
      boolean add,
      @Nullable FetchTable next,
      long nextBase) {
    int tileRows = kit.level.rows();
    int tiles = rows / tileRows;
    int rest = rows % tileRows;
    long c = Range.address(sums, at, (rows - 1) * row + 4L * vectors * kit.level.lanes());
    Frame f = NativeScratch.frame();
    boolean fetches = next != null;
    if (next != null) {
      long turns = Math.ceilDiv(rows, tileRows) * (long) segments * (length / TileSums.UNROLL);
      f.set(NEXT, next.address(turns)).set(NEXT_BASE, nextBase);
    }
    if (tiles > 0) {
      long entries = table.address(0, segment);
      arguments(f, entries, table.tileBytes(), from, length, segments, b);
      result(f, c, row, tileRows * row, tiles, add)
          .call(kit.tile(tileRows, vectors, panelVectors, fetches));
    }
    if (rest > 0) {
      long entries = table.address(tiles, segment);
      arguments(f, entries, table.tileBytes(), from, length, segments, b);
      result(f, c + tiles * tileRows * row, row, 0, 1, add)
          .call(kit.tile(rest, vectors, panelVectors, fetches));
    }
  }

  /** Two tiles, two segments of five values, of seven; written, then added to. */
  @Override
  public @Nullable String fault(Code page) {
    int columns = vectors * level.lanes();
    int pitch = panelVectors * level.lanes();
    int length = 5;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment a = arena.allocate(4L * 2 * rows * 2 * 7, 64);
      MemorySegment b = arena.allocate(4L * 2 * length * pitch, 64);
      MemorySegment c = arena.allocate(4L * 2 * rows * columns, 64);
      MemorySegment table = arena.allocate(8L * 2 * 2 * level.rows(), 64);
      MemorySegment next = arena.allocate(8L * 2 * 2 * (length / TileSums.UNROLL), 64);
      float[] left = Trial.fill(a, 37);
      float[] right = Trial.fill(b, 53);
      float[] expected = new float[2 * rows * columns];
      for (int i = 0; i < expected.length; i++) {
        int row = i / columns * 14 + 1;
        int column = i % columns;
        expected[i] =
            Trial.dot(left, row, right, column, pitch, length)
                + Trial.dot(left, row + 7, right, length * pitch + column, pitch, length);
      }
      for (int tile = 0; tile < 2; tile++) {
        for (int s = 0; s < 2; s++) {
          for (int i = 0; i < rows; i++) {
            long address = a.address() + 28L * (((long) tile * rows + i) * 2 + s);
            table.setAtIndex(JAVA_LONG, (tile * 2L + s) * level.rows() + i, address);
          }
        }
      }
      for (int turn = 1; turn <= 2; turn++) {
        Frame f = new Frame().set(NEXT, next.address()).set(NEXT_BASE, b.address());
        arguments(f, table.address(), 16L * level.rows(), 1, length, 2, b.address());
        result(f, c.address(), rowBytes(), (long) rows * rowBytes(), 2, turn > 1).call(page);
        float[] actual = c.toArray(JAVA_FLOAT);
        for (int i = 0; i < expected.length; i++) {
          if (!(Math.abs(actual[i] - turn * expected[i]) <= 1e-5)) {
            return "turn " + turn + ", value " + i + ": " + actual[i] + " for " + expected[i];
          }
        }
      }
      return null;
    }
  }
}
