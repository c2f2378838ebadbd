package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The innermost loops of products in lower precision on tiles (AMX): blocks of {@link #ROWS} rows
 * times some steps of a panel of a {@link PackedWeight}. A block is two tiles, which lie anywhere;
 * the rows of a tile are equally far apart. Sums begin with nothing or what lies somewhere, a bias
 * or the sums of steps before, and go to memory of the same order.
 *
 * @param lines cache lines of what comes next of the weight that are fetched in each step of each
 *     block
 */
record AmxCode(DotType type, int lines) implements Generated {
  /** Rows of a tile. */
  static final int TILE = 16;

  /** Rows of a block. */
  static final int ROWS = 2 * TILE;

  /** Bytes of a row in a step. */
  static final int STEP = 64;

  /** Bytes of a row of a panel, and of sums of a panel's columns. */
  static final int PANEL_ROW = 4 * PackedWeight.PANEL;

  /** Bytes of a panel in a step. */
  static final int PANEL_STEP = TILE * PANEL_ROW;

  /** Most lines to fetch in a step of a block: then one block fetches all. */
  static final int MOST_LINES = PANEL_STEP / 64;

  private static final int CONFIG = 0;
  private static final int TABLE = 8;
  private static final int A_FROM = 16;
  private static final int A_ROW = 24;
  private static final int A_SEGMENT = 32;
  private static final int SEGMENTS = 40;
  private static final int STEPS = 48;
  private static final int B = 56;
  private static final int NEXT = 64;
  private static final int IN = 72;
  private static final int IN_ROW = 80;
  private static final int IN_BLOCK = 88;
  private static final int OUT = 96;
  private static final int OUT_ROW = 104;
  private static final int BLOCKS = 112;

  private static final Gpr[] SAVED = {Gpr.RBX, Gpr.RBP, Gpr.R12, Gpr.R13, Gpr.R14, Gpr.R15};

  /** All tiles of 16 rows of 64 bytes. */
  private static final MemorySegment WHOLE_TILES = makeWholeTiles();

  private static MemorySegment makeWholeTiles() {
    MemorySegment config = Arena.global().allocate(64, 64);
    config.set(JAVA_BYTE, 0, (byte) 1);
    for (int tile = 0; tile < 8; tile++) {
      config.set(JAVA_BYTE, 16 + 2L * tile, (byte) STEP);
      config.set(JAVA_BYTE, 48 + tile, (byte) TILE);
    }
    return config;
  }

  /** Address of what sets up all tiles as 16 rows of 64 bytes. */
  static long wholeTiles() {
    return WHOLE_TILES.address();
  }

  /** Lines to fetch in each step of so many blocks, so that all together fetch as many steps. */
  static int lines(int blocks) {
    int lines = 1;
    while (lines * blocks < MOST_LINES) {
      lines *= 2;
    }
    return lines;
  }

  private static Tile tile(int number) {
    return new Tile(number);
  }

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    for (Gpr g : SAVED) {
      a.push(g);
    }
    a.mov(Gpr.RAX, argument(CONFIG));
    a.ldtilecfg(Mem.at(Gpr.RAX));
    a.mov(Gpr.R8, argument(A_ROW));
    a.mov(Gpr.R9, PANEL_ROW);
    a.mov(Gpr.R10, argument(IN_ROW));
    a.mov(Gpr.R11, argument(OUT_ROW));
    a.mov(Gpr.R12, argument(TABLE));
    a.mov(Gpr.R15, argument(NEXT));
    CodeBuffer.Label block = a.here();
    CodeBuffer.Label nothing = a.label();
    CodeBuffer.Label begun = a.label();
    a.mov(Gpr.RAX, argument(IN));
    a.test(Gpr.RAX, Gpr.RAX);
    a.jump(Condition.EQUAL, nothing);
    sums(a, Gpr.R10, true);
    a.jmp(begun);
    a.bind(nothing);
    for (int i = 0; i < 4; i++) {
      a.tilezero(tile(i));
    }
    a.bind(begun);
    a.mov(Gpr.RAX, argument(IN_BLOCK));
    a.add(argument(IN), Gpr.RAX);
    a.mov(Gpr.R13, Mem.at(Gpr.R12));
    a.add(Gpr.R13, argument(A_FROM));
    a.mov(Gpr.R14, Mem.at(Gpr.R12, 8));
    a.add(Gpr.R14, argument(A_FROM));
    a.add(Gpr.R12, 16);
    a.mov(Gpr.RSI, argument(B));
    a.mov(Gpr.RCX, argument(SEGMENTS));
    CodeBuffer.Label segment = a.here();
    a.mov(Gpr.RAX, Gpr.R13);
    a.mov(Gpr.RBX, Gpr.R14);
    a.mov(Gpr.RBP, argument(STEPS));
    a.align(32);
    CodeBuffer.Label step = a.here();
    // The two tiles of the weight share pairs of lines. Loads first: where another thread shares
    // the core they do not run beside products anyhow.
    a.tileloadd(tile(6), Mem.at(Gpr.RSI, Gpr.R9, 0));
    a.tileloadd(tile(7), Mem.at(Gpr.RSI, Gpr.R9, 64));
    a.tileloadd(tile(4), Mem.at(Gpr.RAX, Gpr.R8, 0));
    a.tileloadd(tile(5), Mem.at(Gpr.RBX, Gpr.R8, 0));
    multiply(a, 0, 4, 6);
    multiply(a, 1, 4, 7);
    multiply(a, 2, 5, 6);
    multiply(a, 3, 5, 7);
    for (int i = 0; i < lines; i++) {
      a.prefetcht1(Mem.at(Gpr.R15, 64 * i));
    }
    a.add(Gpr.R15, 64 * lines);
    a.add(Gpr.RAX, STEP);
    a.add(Gpr.RBX, STEP);
    a.add(Gpr.RSI, PANEL_STEP);
    a.dec(Gpr.RBP);
    a.jump(Condition.NOT_EQUAL, step);
    a.add(Gpr.R13, argument(A_SEGMENT));
    a.add(Gpr.R14, argument(A_SEGMENT));
    a.dec(Gpr.RCX);
    a.jump(Condition.NOT_EQUAL, segment);
    a.mov(Gpr.RAX, argument(OUT));
    sums(a, Gpr.R11, false);
    a.mov(argument(OUT), Gpr.RAX);
    a.dec(argument(BLOCKS));
    a.jump(Condition.NOT_EQUAL, block);
    a.tilerelease();
    for (int i = SAVED.length - 1; i >= 0; i--) {
      a.pop(SAVED[i]);
    }
    a.ret();
    return a.code();
  }

  /** Loads or stores the four tiles of sums, from RAX on, which then points behind them. */
  private static void sums(X64Assembler a, Gpr row, boolean load) {
    a.mov(Gpr.RDX, row);
    a.shl(Gpr.RDX, 4);
    for (int i = 0; i < 4; i++) {
      Mem at = Mem.at(Gpr.RAX, row, i % 2 * 64);
      if (load) {
        a.tileloadd(tile(i), at);
      } else {
        a.tilestored(at, tile(i));
      }
      if (i % 2 == 1) {
        a.add(Gpr.RAX, Gpr.RDX);
      }
    }
  }

  private void multiply(X64Assembler a, int to, int left, int right) {
    if (type == DotType.BF16) {
      a.tdpbf16ps(tile(to), tile(left), tile(right));
    } else {
      a.tdpbusd(tile(to), tile(left), tile(right));
    }
  }

  /** Steps of the left factor: of each row some of each of some segments. */
  record Steps(long from, long rowBytes, long segmentBytes, int segments, int steps) {}

  /** Where sums lie: address, bytes from row to row and from block to block. */
  record Sums(long at, long row, long block) {
    /** What sums may begin with. */
    static final Sums NOTHING = new Sums(0, 0, 0);
  }

  /**
   * Multiplies blocks of rows by a panel. Addresses and their extents are the caller's to check; of
   * each tile all rows are read and written.
   *
   * @param table addresses of the tiles, two a block
   * @param b address of the first step of the panel
   * @param next address of what is fetched; nothing faults, whatever lies there
   * @param in what sums begin with; {@link Sums#NOTHING} for zeros
   * @param out where they go; its blocks follow each other
   */
  static void run(
      Code page, Frame f, long table, Steps a, long b, long next, Sums in, Sums out, int blocks) {
    f.set(CONFIG, wholeTiles())
        .set(TABLE, table)
        .set(A_FROM, a.from)
        .set(A_ROW, a.rowBytes)
        .set(A_SEGMENT, a.segmentBytes)
        .set(SEGMENTS, Range.positive("segments", a.segments))
        .set(STEPS, Range.positive("steps", a.steps))
        .set(B, b)
        .set(NEXT, next)
        .set(IN, in.at)
        .set(IN_ROW, in.row)
        .set(IN_BLOCK, in.block)
        .set(OUT, out.at)
        .set(OUT_ROW, out.row)
        .set(BLOCKS, Range.positive("blocks", blocks))
        .call(page);
  }

  /**
   * Two blocks, two segments of two steps, in rows with gaps, tiles in disorder; then once more.
   */
  @Override
  public @Nullable String fault(Code page) {
    int rows = 2 * ROWS;
    int row = 6 * STEP;
    int values = STEP / type.bytes();
    int pitch = PANEL_ROW + 64;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment a = arena.allocate((long) rows * row, 64);
      MemorySegment b = arena.allocate(4L * PANEL_STEP, 64);
      MemorySegment bias = arena.allocate(PANEL_ROW, 64);
      MemorySegment c = arena.allocate((long) rows * pitch, 64);
      MemorySegment table = arena.allocate(4L * Long.BYTES, 64);
      DotCode.fill(type, a, 37, 0);
      DotCode.fill(type, b, 53, type == DotType.INT8 ? 128 : 0);
      for (int j = 0; j < PackedWeight.PANEL; j++) {
        number(bias, 4L * j, j * 7 % 5);
      }
      for (int i = 0; i < 4; i++) {
        table.setAtIndex(JAVA_LONG, i, a.address() + (long) (i ^ 1) * TILE * row);
      }
      Steps steps = new Steps(STEP, row, 3L * STEP, 2, 2);
      Sums sums = new Sums(c.address(), pitch, (long) ROWS * pitch);
      Sums begin = new Sums(bias.address(), 0, 0);
      for (int turn = 0; turn <= 2; turn++) {
        Sums in = turn == 0 ? Sums.NOTHING : turn == 1 ? begin : sums;
        run(page, new Frame(), table.address(), steps, b.address(), b.address(), in, sums, 2);
        for (int i = 0; i < rows; i += 5) { // some of each tile: this takes time at the start
          for (int j = 0; j < PackedWeight.PANEL; j += 3) {
            double first = turn == 0 ? 0 : j * 7 % 5;
            int times = Math.max(1, turn);
            double expected = first + times * dot(a, (i ^ TILE) * row + STEP, b, j, values);
            double actual = number(c, (long) i * pitch + 4L * j);
            if (!(Math.abs(actual - expected) <= 1e-4)) {
              return "row " + i + ", column " + j + ": " + actual + ", expected " + expected;
            }
          }
        }
      }
      return null;
    }
  }

  private double dot(MemorySegment a, int at, MemorySegment b, int column, int values) {
    int group = 4 / type.bytes();
    double sum = 0;
    for (int k = 0; k < 4 * values; k++) {
      long left = (long) at / type.bytes() + k / (2 * values) * 3L * values + k % (2 * values);
      long right = ((long) (k / group) * PackedWeight.PANEL + column) * group + k % group;
      sum += DotCode.value(type, a, left, false) * DotCode.value(type, b, right, true);
    }
    return sum;
  }

  private void number(MemorySegment s, long at, int value) {
    if (type == DotType.BF16) {
      s.set(JAVA_FLOAT, at, value);
    } else {
      s.set(JAVA_INT, at, value);
    }
  }

  private double number(MemorySegment s, long at) {
    return type == DotType.BF16 ? s.get(JAVA_FLOAT, at) : s.get(JAVA_INT, at);
  }
}
