package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The innermost loops of products in lower precision on tiles (AMX): blocks of {@link #ROWS} rows,
 * which lie equally far apart, times a panel of a {@link PackedWeight}. The sums stay in four tiles
 * over all of K, whose segments are whole steps of 64 bytes.
 */
record AmxCode(DotType type) implements Generated {
  /** Rows of a block. */
  static final int ROWS = 32;

  /** Bytes of a row in a step. */
  static final int STEP = 64;

  private static final int TILE_ROWS = 16;
  private static final int PANEL_ROW = 4 * PackedWeight.PANEL;

  private static final int CONFIG = 0;
  private static final int A = 8;
  private static final int A_ROW = 16;
  private static final int A_SEGMENT = 24;
  private static final int SEGMENTS = 32;
  private static final int STEPS = 40;
  private static final int B = 48;
  private static final int C = 56;
  private static final int C_ROW = 64;
  private static final int BLOCKS = 72;
  private static final int B_ROW = 80;

  /** All tiles of 16 rows of 64 bytes. */
  private static final MemorySegment WHOLE_TILES = makeWholeTiles();

  private static MemorySegment makeWholeTiles() {
    MemorySegment config = Arena.global().allocate(64, 64);
    config.set(JAVA_BYTE, 0, (byte) 1);
    for (int tile = 0; tile < 8; tile++) {
      config.set(JAVA_BYTE, 16 + 2L * tile, (byte) STEP);
      config.set(JAVA_BYTE, 48 + tile, (byte) TILE_ROWS);
    }
    return config;
  }

  /** Address of what sets up all tiles as 16 rows of 64 bytes. */
  static long wholeTiles() {
    return WHOLE_TILES.address();
  }

  private static Tile tile(int number) {
    return new Tile(number);
  }

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    a.push(Gpr.RBX);
    a.mov(Gpr.RAX, argument(CONFIG));
    a.ldtilecfg(Mem.at(Gpr.RAX));
    a.mov(Gpr.R8, argument(A_ROW));
    a.mov(Gpr.R9, argument(B_ROW));
    a.mov(Gpr.R10, argument(C_ROW));
    CodeBuffer.Label block = a.here();
    for (int i = 0; i < 4; i++) {
      a.tilezero(tile(i));
    }
    a.mov(Gpr.RSI, argument(B));
    a.mov(Gpr.RDX, argument(A));
    a.mov(Gpr.RCX, argument(SEGMENTS));
    CodeBuffer.Label segment = a.here();
    a.mov(Gpr.RAX, Gpr.RDX);
    a.mov(Gpr.RBX, Gpr.R8);
    a.shl(Gpr.RBX, 4);
    a.add(Gpr.RBX, Gpr.RDX);
    a.mov(Gpr.R11, argument(STEPS));
    a.align(32);
    CodeBuffer.Label step = a.here();
    a.tileloadd(tile(4), Mem.at(Gpr.RAX, Gpr.R8, 0));
    a.tileloadd(tile(6), Mem.at(Gpr.RSI, Gpr.R9, 0));
    multiply(a, 0, 4, 6);
    a.tileloadd(tile(7), Mem.at(Gpr.RSI, Gpr.R9, 64));
    multiply(a, 1, 4, 7);
    a.tileloadd(tile(5), Mem.at(Gpr.RBX, Gpr.R8, 0));
    multiply(a, 2, 5, 6);
    multiply(a, 3, 5, 7);
    a.add(Gpr.RAX, STEP);
    a.add(Gpr.RBX, STEP);
    a.add(Gpr.RSI, TILE_ROWS * PANEL_ROW);
    a.dec(Gpr.R11);
    a.jump(Condition.NOT_EQUAL, step);
    a.add(Gpr.RDX, argument(A_SEGMENT));
    a.dec(Gpr.RCX);
    a.jump(Condition.NOT_EQUAL, segment);
    a.mov(Gpr.RAX, argument(C));
    a.mov(Gpr.RDX, Gpr.R10);
    a.shl(Gpr.RDX, 4);
    for (int i = 0; i < 4; i += 2) {
      a.tilestored(Mem.at(Gpr.RAX, Gpr.R10, 0), tile(i));
      a.tilestored(Mem.at(Gpr.RAX, Gpr.R10, 64), tile(i + 1));
      a.add(Gpr.RAX, Gpr.RDX);
    }
    a.mov(argument(C), Gpr.RAX);
    a.mov(Gpr.RCX, Gpr.R8);
    a.shl(Gpr.RCX, 5);
    a.add(argument(A), Gpr.RCX);
    a.dec(argument(BLOCKS));
    a.jump(Condition.NOT_EQUAL, block);
    a.tilerelease();
    a.pop(Gpr.RBX);
    a.ret();
    return a.code();
  }

  private void multiply(X64Assembler a, int to, int left, int right) {
    if (type == DotType.BF16) {
      a.tdpbf16ps(tile(to), tile(left), tile(right));
    } else {
      a.tdpbusd(tile(to), tile(left), tile(right));
    }
  }

  /**
   * Multiplies blocks of rows by a panel. Addresses and their extents are the caller's to check; of
   * each block all rows are read and written.
   *
   * @param aRow bytes from row to row
   * @param aSegment bytes from segment to segment of a row
   * @param steps of a segment, 1 or more
   * @param b address of the panel's beginning
   * @param c address of the sums
   */
  static void run(
      Code page,
      Frame f,
      long a,
      long aRow,
      long aSegment,
      int segments,
      int steps,
      long b,
      long c,
      long cRow,
      int blocks) {
    f.set(CONFIG, wholeTiles())
        .set(A, a)
        .set(A_ROW, aRow)
        .set(A_SEGMENT, aSegment)
        .set(SEGMENTS, Range.positive("segments", segments))
        .set(STEPS, Range.positive("steps", steps))
        .set(B, b)
        .set(C, c)
        .set(C_ROW, cRow)
        .set(B_ROW, (long) PANEL_ROW)
        .set(BLOCKS, Range.positive("blocks", blocks))
        .call(page);
  }

  /** Two blocks, two segments of two steps, in rows with gaps. */
  @Override
  public @Nullable String fault(Code page) {
    int rows = 2 * ROWS;
    int row = 5 * STEP;
    int values = STEP / type.bytes();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment a = arena.allocate((long) rows * row, 64);
      MemorySegment b = arena.allocate(4L * TILE_ROWS * PANEL_ROW, 64);
      MemorySegment c = arena.allocate((long) rows * (PANEL_ROW + 64), 64);
      DotCode.fill(type, a, 37, 0);
      DotCode.fill(type, b, 53, type == DotType.INT8 ? 128 : 0);
      run(
          page,
          new Frame(),
          a.address(),
          row,
          3L * STEP,
          2,
          2,
          b.address(),
          c.address(),
          PANEL_ROW + 64,
          2);
      int group = 4 / type.bytes();
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < PackedWeight.PANEL; j++) {
          double expected = 0;
          for (int k = 0; k < 4 * values; k++) {
            long at = (long) i * 5 * values + k / (2 * values) * 3L * values + k % (2 * values);
            long bAt = ((long) (k / group) * PackedWeight.PANEL + j) * group + k % group;
            expected += DotCode.value(type, a, at, false) * DotCode.value(type, b, bAt, true);
          }
          long to = (long) i * (PANEL_ROW + 64) + 4L * j;
          double actual = type == DotType.BF16 ? c.get(JAVA_FLOAT, to) : c.get(JAVA_INT, to);
          if (!(Math.abs(actual - expected) <= 1e-4)) {
            return "row " + i + ", column " + j + ": " + actual + ", expected " + expected;
          }
        }
      }
      return null;
    }
  }
}
