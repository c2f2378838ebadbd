package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The innermost loops of products in lower precision: as {@link TileCode}, but on words of 32 bits
 * that hold two bfloat16 or four bytes, times a panel of a {@link PackedWeight}. Sums are floats or
 * 32-bit integers.
 *
 * @param rows of a tile, 1 to {@link #ROWS}
 */
record DotCode(DotType type, int rows) implements Generated {
  /** Most rows of a tile: 24 of 32 registers hold sums. */
  static final int ROWS = 12;

  private static final int VECTORS = 2;
  private static final int ROW_BYTES = 4 * PackedWeight.PANEL;

  private static final int TABLE = 0;
  private static final int TABLE_STEP = 8;
  private static final int FROM = 16;
  private static final int END_OF_FOURS = 24;
  private static final int END = 32;
  private static final int B = 40;
  private static final int C = 48;
  private static final int C_ROW = 56;
  private static final int C_STEP = 64;
  private static final int SEGMENTS = 72;
  private static final int TILES = 80;
  private static final int ADD = 88;
  private static final int CURSOR = 96;
  private static final int SEGMENTS_LEFT = 104;

  private static final Gpr[] ROW_REGISTERS = {
    Gpr.RAX, Gpr.RDX, Gpr.RBX, Gpr.RBP, Gpr.R8, Gpr.R9, Gpr.R10, Gpr.R11, Gpr.R12, Gpr.R13, Gpr.R14,
    Gpr.R15
  };
  private static final Gpr[] SAVED = {Gpr.RBX, Gpr.RBP, Gpr.R12, Gpr.R13, Gpr.R14, Gpr.R15};

  /** Words in one turn of the loop. */
  private static final int UNROLL = 4;

  DotCode {
    if (rows < 1 || rows > ROWS) {
      throw new IllegalArgumentException(rows + " rows");
    }
  }

  private static Vec sum(int row, int vector) {
    return Vec.zmm(row * VECTORS + vector);
  }

  private Vec right(int vector) {
    return Vec.zmm(rows * VECTORS + vector);
  }

  /** Registers for words of A in turn, so that loads run ahead. */
  private Vec left(int row) {
    int first = (rows + 1) * VECTORS;
    return Vec.zmm(first + row % (32 - first));
  }

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    for (Gpr register : SAVED) {
      a.push(register);
    }
    CodeBuffer.Label tile = a.here();
    for (int i = 0; i < rows * VECTORS; i++) {
      a.vpxord(Vec.zmm(i), Vec.zmm(i), Vec.zmm(i));
    }
    a.mov(Gpr.RSI, argument(B));
    a.mov(Gpr.RAX, argument(TABLE));
    a.mov(argument(CURSOR), Gpr.RAX);
    a.mov(Gpr.RAX, argument(SEGMENTS));
    a.mov(argument(SEGMENTS_LEFT), Gpr.RAX);
    CodeBuffer.Label segment = a.here();
    a.mov(Gpr.RCX, argument(CURSOR));
    for (int i = 0; i < rows; i++) {
      a.mov(ROW_REGISTERS[i], Mem.at(Gpr.RCX, Long.BYTES * i));
    }
    a.add(argument(CURSOR), Long.BYTES * ROWS);
    a.mov(Gpr.RCX, argument(FROM));
    loop(a, END_OF_FOURS, UNROLL);
    loop(a, END, 1);
    a.dec(argument(SEGMENTS_LEFT));
    a.jump(Condition.NOT_EQUAL, segment);
    store(a);
    a.mov(Gpr.RCX, argument(TABLE_STEP));
    a.add(argument(TABLE), Gpr.RCX);
    a.mov(Gpr.RCX, argument(C_STEP));
    a.add(argument(C), Gpr.RCX);
    a.dec(argument(TILES));
    a.jump(Condition.NOT_EQUAL, tile);
    a.vzeroupper();
    for (int i = SAVED.length - 1; i >= 0; i--) {
      a.pop(SAVED[i]);
    }
    a.ret();
    return a.code();
  }

  /** Some words in each turn, up to an end; none if there already. */
  private void loop(X64Assembler a, int end, int unroll) {
    CodeBuffer.Label done = a.label();
    a.cmp(Gpr.RCX, argument(end));
    a.jump(Condition.ABOVE_OR_EQUAL, done);
    a.align(32);
    CodeBuffer.Label turn = a.here();
    for (int k = 0; k < unroll; k++) {
      for (int j = 0; j < VECTORS; j++) {
        a.vmovups(right(j), Mem.at(Gpr.RSI, k * ROW_BYTES + 64 * j));
      }
      for (int i = 0; i < rows; i++) {
        a.vbroadcastss(left(i), Mem.at(ROW_REGISTERS[i], Gpr.RCX, 4 * k));
        for (int j = 0; j < VECTORS; j++) {
          type.multiplyAdd(a, sum(i, j), left(i), right(j));
        }
      }
    }
    a.add(Gpr.RCX, 4 * unroll);
    a.add(Gpr.RSI, unroll * ROW_BYTES);
    a.cmp(Gpr.RCX, argument(end));
    a.jump(Condition.BELOW, turn);
    a.bind(done);
  }

  private void store(X64Assembler a) {
    CodeBuffer.Label plain = a.label();
    a.mov(Gpr.RAX, argument(C));
    a.mov(Gpr.RDX, argument(C_ROW));
    a.cmp(argument(ADD), 0);
    a.jump(Condition.EQUAL, plain);
    for (int pass = 0; pass < 2; pass++) {
      a.mov(Gpr.RCX, Gpr.RAX);
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < VECTORS; j++) {
          Mem c = Mem.at(Gpr.RCX, 64 * j);
          if (pass == 0) {
            type.add(a, sum(i, j), c);
          } else {
            a.vmovups(c, sum(i, j));
          }
        }
        a.add(Gpr.RCX, Gpr.RDX);
      }
      if (pass == 0) {
        a.bind(plain);
      }
    }
  }

  /**
   * Multiplies one or more tiles by a panel. Addresses and their extents are the caller's to check.
   *
   * @param table address of the first tile's entries
   * @param tableStep bytes from tile to tile there
   * @param from first word of each segment to use
   * @param length how many words, 0 or more
   * @param b address of the panel's first word to use
   * @param c address of the sums, rows {@code row} bytes apart
   * @param add whether they are added to
   */
  void run(
      Code page,
      Frame f,
      long table,
      long tableStep,
      int from,
      int length,
      int segments,
      long b,
      long c,
      long row,
      int tiles,
      boolean add) {
    if (from < 0 || length < 0) {
      throw new IllegalArgumentException("words " + from + " + " + length);
    }
    f.set(TABLE, table)
        .set(TABLE_STEP, tableStep)
        .set(FROM, 4L * from)
        .set(END_OF_FOURS, 4L * (from + length / UNROLL * UNROLL))
        .set(END, 4L * (from + length))
        .set(SEGMENTS, Range.positive("segments", segments))
        .set(B, b)
        .set(C, c)
        .set(C_ROW, row)
        .set(C_STEP, row * rows)
        .set(TILES, Range.positive("tiles", tiles))
        .set(ADD, add ? 1 : 0)
        .call(page);
  }

  /** Two tiles, two segments of five words, of seven; written, then added to. */
  @Override
  public @Nullable String fault(Code page) {
    int length = 5;
    int group = 4 / type.bytes();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment a = arena.allocate(4L * 2 * rows * 2 * 7, 64);
      MemorySegment b = arena.allocate((long) ROW_BYTES * 2 * length, 64);
      MemorySegment c = arena.allocate((long) ROW_BYTES * 2 * rows, 64);
      MemorySegment table = arena.allocate(8L * 2 * 2 * ROWS, 64);
      fill(type, a, 37, 0);
      fill(type, b, 53, type == DotType.INT8 ? 128 : 0);
      for (int tile = 0; tile < 2; tile++) {
        for (int s = 0; s < 2; s++) {
          for (int i = 0; i < rows; i++) {
            long address = a.address() + 28L * (((long) tile * rows + i) * 2 + s);
            table.setAtIndex(JAVA_LONG, (tile * 2L + s) * ROWS + i, address);
          }
        }
      }
      for (int turn = 1; turn <= 2; turn++) {
        run(
            page,
            new Frame(),
            table.address(),
            16L * ROWS,
            1,
            length,
            2,
            b.address(),
            c.address(),
            ROW_BYTES,
            2,
            turn > 1);
        for (int i = 0; i < 2 * rows; i++) {
          for (int j = 0; j < PackedWeight.PANEL; j++) {
            double expected = 0;
            for (int p = 0; p < 2 * length * group; p++) {
              int word = p / group;
              long at = ((2L * i + word / length) * 7 + 1 + word % length) * group + p % group;
              long bAt = ((long) word * PackedWeight.PANEL + j) * group + p % group;
              expected += turn * value(type, a, at, false) * value(type, b, bAt, true);
            }
            long at = (long) i * PackedWeight.PANEL + j;
            double actual =
                type == DotType.BF16 ? c.getAtIndex(JAVA_FLOAT, at) : c.getAtIndex(JAVA_INT, at);
            if (!(Math.abs(actual - expected) <= 1e-5)) {
              return "row " + i + ", column " + j + ": " + actual + ", expected " + expected;
            }
          }
        }
      }
      return null;
    }
  }

  /** A value of a small case. */
  static double value(DotType type, MemorySegment s, long at, boolean signed) {
    if (type == DotType.BF16) {
      return Numbers.bf16ToFloat(s.getAtIndex(JAVA_SHORT, at));
    }
    byte b = s.get(JAVA_BYTE, at);
    return signed ? b : b & 255;
  }

  /** Values for a small case; {@code less} is subtracted from bytes. */
  static void fill(DotType type, MemorySegment s, int step, int less) {
    for (long i = 0; i < s.byteSize() / type.bytes(); i++) {
      if (type == DotType.BF16) {
        s.setAtIndex(JAVA_SHORT, i, Numbers.floatToBf16((i * step % 101 - 50) / 64f));
      } else {
        s.set(JAVA_BYTE, i, (byte) (i * step % 255 - less));
      }
    }
  }
}
