package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Copies a matrix turned: what lies one after the other in a row of the source lies in a column of
 * the target. Rows are taken in groups of {@link #rows}, columns in eights, and up to seven more
 * one by one: 9 taps of a filter are an eight and one. Numbers of 16 bits are put together in pairs
 * first, those of the even rows below those of the odd ones, and turned as pairs.
 *
 * @param bytes of a number: 2 or 4
 */
record TransposeCode(int bytes) implements Generated {
  /** Columns that are turned at a time. */
  static final int COLUMNS = 8;

  private static final int VECTORS = 8;

  private static final int FROM = 0;
  private static final int FROM_ROW = 8;
  private static final int TO = 16;
  private static final int TO_ROW = 24;
  private static final int GROUPS = 32;
  private static final int EIGHTS = 40;
  private static final int REST = 48;

  /** Point to rows 0, 4, 8 and 12. */
  private static final Gpr[] FOURTHS = {Gpr.RAX, Gpr.RDX, Gpr.R8, Gpr.R9};

  private static final Gpr ONE = Gpr.R10;
  private static final Gpr THREE = Gpr.R11;
  private static final int HIGH_HALF = 0xFFFF0000;

  /** For numbers of a size. */
  TransposeCode {
    if (bytes != Short.BYTES && bytes != Integer.BYTES) {
      throw new IllegalArgumentException("numbers of " + bytes + " bytes");
    }
  }

  /** Rows of a group: what fills a vector. */
  int rows() {
    return 32 / bytes;
  }

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    a.push(Gpr.RBX);
    a.push(Gpr.R12);
    a.mov(ONE, argument(FROM_ROW));
    a.mov(THREE, ONE);
    a.add(THREE, ONE);
    a.add(THREE, ONE);
    CodeBuffer.Label group = a.here();
    a.mov(Gpr.RAX, argument(FROM));
    for (int i = 1; i < rows() / 4; i++) {
      a.mov(FOURTHS[i], FOURTHS[i - 1]);
      a.add(FOURTHS[i], ONE);
      a.add(FOURTHS[i], THREE);
    }
    a.mov(Gpr.RSI, argument(TO));
    a.mov(Gpr.RCX, argument(EIGHTS));
    a.align(32);
    CodeBuffer.Label eight = a.here();
    eight(a);
    onward(a, COLUMNS);
    a.dec(Gpr.RCX);
    a.jump(Condition.NOT_EQUAL, eight);
    CodeBuffer.Label end = a.label();
    a.mov(Gpr.RCX, argument(REST));
    a.cmp(Gpr.RCX, 0);
    a.jump(Condition.EQUAL, end);
    CodeBuffer.Label column = a.here();
    column(a);
    a.add(Gpr.RSI, argument(TO_ROW));
    onward(a, 1);
    a.dec(Gpr.RCX);
    a.jump(Condition.NOT_EQUAL, column);
    a.bind(end);
    a.mov(Gpr.R12, ONE);
    a.shl(Gpr.R12, Integer.numberOfTrailingZeros(rows()));
    a.add(argument(FROM), Gpr.R12);
    a.add(argument(TO), rows() * bytes);
    a.dec(argument(GROUPS));
    a.jump(Condition.NOT_EQUAL, group);
    a.vzeroupper();
    a.pop(Gpr.R12);
    a.pop(Gpr.RBX);
    a.ret();
    return a.code();
  }

  private void onward(X64Assembler a, int columns) {
    for (int i = 0; i < rows() / 4; i++) {
      a.add(FOURTHS[i], columns * bytes);
    }
  }

  private static Mem row(int number, int offset) {
    Gpr fourth = FOURTHS[number / 4];
    return switch (number % 4) {
      case 0 -> Mem.at(fourth, offset);
      case 1 -> Mem.at(fourth, ONE, offset);
      case 2 -> Mem.at(fourth, offset).indexed(ONE, 2);
      default -> Mem.at(fourth, THREE, offset);
    };
  }

  /** Eight columns of a group. */
  private void eight(X64Assembler a) {
    Vec[] in = new Vec[VECTORS];
    Vec[] out = new Vec[VECTORS];
    for (int i = 0; i < VECTORS; i++) {
      in[i] = Vec.ymm(i);
      out[i] = Vec.ymm(VECTORS + i);
      if (bytes == Integer.BYTES) {
        a.vmovups(in[i], row(i, 0));
      } else {
        a.vpmovzxwd(in[i], row(2 * i, 0));
        a.vpmovzxwd(out[i], row(2 * i + 1, 0));
        a.vpslld(out[i], out[i], 16);
        a.vorps(in[i], in[i], out[i]);
      }
    }
    for (int i = 0; i < VECTORS; i += 2) { // pairs of vectors
      a.vunpcklps(out[i], in[i], in[i + 1]);
      a.vunpckhps(out[i + 1], in[i], in[i + 1]);
    }
    for (int i = 0; i < VECTORS; i += 4) { // fours: column p and column p + 4 of each
      for (int p = 0; p < 4; p++) {
        a.vshufps(in[i + p], out[i + p / 2], out[i + 2 + p / 2], p % 2 == 0 ? 0x44 : 0xEE);
      }
    }
    a.mov(Gpr.RBX, argument(TO_ROW));
    for (int p = 0; p < COLUMNS; p++) {
      a.vperm2f128(out[p], in[p % 4], in[4 + p % 4], p < 4 ? 0x20 : 0x31);
      a.vmovups(Mem.at(Gpr.RSI), out[p]);
      a.add(Gpr.RSI, Gpr.RBX);
    }
  }

  /** One column of a group; words are read with what lies before them, never behind. */
  private void column(X64Assembler a) {
    for (int i = 0; i < VECTORS; i++) {
      if (bytes == Integer.BYTES) {
        a.mov32(Gpr.R12, row(i, 0));
      } else {
        a.mov32(Gpr.R12, row(2 * i, -Short.BYTES));
        a.mov32(Gpr.RBX, row(2 * i + 1, -Short.BYTES));
        a.shr(Gpr.R12, 16);
        a.and(Gpr.RBX, HIGH_HALF);
        a.or(Gpr.R12, Gpr.RBX);
      }
      a.mov32(Mem.at(Gpr.RSI, Integer.BYTES * i), Gpr.R12);
    }
  }

  /**
   * Copies a matrix. Addresses and their extents are the caller's to check.
   *
   * @param fromRow bytes from row to row of the source
   * @param toRow bytes from row to row of the target
   * @param rows of the source: a multiple of {@link #rows()}
   * @param columns of the source, {@link #COLUMNS} or more
   */
  void run(
      Code page, Frame f, long from, long fromRow, long to, long toRow, int rows, int columns) {
    if (rows % rows() != 0) {
      throw new IllegalArgumentException("rows: " + rows);
    }
    f.set(FROM, from)
        .set(FROM_ROW, fromRow)
        .set(TO, to)
        .set(TO_ROW, toRow)
        .set(GROUPS, Range.positive("groups", rows / rows()))
        .set(EIGHTS, Range.positive("eights", columns / COLUMNS))
        .set(REST, columns % COLUMNS)
        .call(page);
  }

  /** Two groups of rows of 19 numbers, 21 apart. */
  @Override
  public @Nullable String fault(Code page) {
    int rows = 2 * rows();
    int columns = 2 * COLUMNS + 3;
    int distance = columns + 2;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate((long) rows * distance * bytes, 64);
      MemorySegment to = arena.allocate((long) columns * rows * bytes, 64);
      int[] numbers = new int[rows * distance];
      for (int i = 0; i < numbers.length; i++) {
        numbers[i] = i * 0x9E3779B1;
        if (bytes == Integer.BYTES) {
          from.setAtIndex(JAVA_INT, i, numbers[i]);
        } else {
          numbers[i] >>= 16;
          from.setAtIndex(JAVA_SHORT, i, (short) numbers[i]);
        }
      }
      long fromRow = (long) distance * bytes;
      long toRow = (long) rows * bytes;
      run(page, new Frame(), from.address(), fromRow, to.address(), toRow, rows, columns);
      for (int column = 0; column < columns; column++) {
        for (int row = 0; row < rows; row++) {
          int at = column * rows + row;
          int actual =
              bytes == Integer.BYTES ? to.getAtIndex(JAVA_INT, at) : to.getAtIndex(JAVA_SHORT, at);
          if (actual != numbers[row * distance + column]) {
            return "row " + row + ", column " + column;
          }
        }
      }
      return null;
    }
  }
}
