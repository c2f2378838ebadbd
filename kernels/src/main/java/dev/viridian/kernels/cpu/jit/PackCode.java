package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Copies a part of the right factor into a panel, widened to float: eight columns, whose values
 * along K lie one after the other each, turned ({@link #runTurned}); or whole rows of columns as
 * they lie ({@link #runStraight}).
 *
 * @param type F32, F16 or BF16
 * @param turned whether columns are contiguous in memory
 */
record PackCode(DType type, boolean turned) implements Generated {
  /** Columns and values of K of a square that is turned, and floats in a vector. */
  static final int LANES = 8;

  // Turned: eight addresses first.
  private static final int TURNED_TO = 64;
  private static final int TURNED_TO_ROW = 72;
  private static final int SQUARES = 80;
  private static final int AHEAD = 88;

  private static final int FROM = 0;
  private static final int FROM_ROW = 8;
  private static final int TO = 16;
  private static final int TO_ROW = 24;
  private static final int VECTORS = 32;
  private static final int ROWS = 40;

  private static final Gpr[] COLUMNS = {
    Gpr.RAX, Gpr.RDX, Gpr.RBX, Gpr.R8, Gpr.R9, Gpr.R10, Gpr.R11, Gpr.R12
  };

  @Override
  public byte[] code() {
    return turned ? turnedCode() : straightCode();
  }

  private void load(X64Assembler a, Vec to, Mem from) {
    switch (type) {
      case F32 -> a.vmovups(to, from);
      case F16 -> a.vcvtph2ps(to, from);
      case BF16 -> {
        a.vpmovzxwd(to, from);
        a.vpslld(to, to, 16);
      }
      case I32, I64, U8 -> throw new IllegalArgumentException("not floating point: " + type);
    }
  }

  private byte[] turnedCode() {
    X64Assembler a = new X64Assembler();
    a.push(Gpr.RBX);
    a.push(Gpr.R12);
    a.push(Gpr.R13);
    for (int i = 0; i < LANES; i++) {
      a.mov(COLUMNS[i], argument(Long.BYTES * i));
    }
    a.mov(Gpr.RSI, argument(TURNED_TO));
    a.mov(Gpr.R13, argument(AHEAD));
    a.xor(Gpr.RCX, Gpr.RCX);
    CodeBuffer.Label turn = a.here();
    Vec[] in = new Vec[LANES];
    Vec[] out = new Vec[LANES];
    for (int i = 0; i < LANES; i++) {
      in[i] = Vec.ymm(i);
      out[i] = Vec.ymm(LANES + i);
      load(a, in[i], Mem.at(COLUMNS[i], Gpr.RCX, 0));
      a.prefetcht1(Mem.at(COLUMNS[i], Gpr.R13, 0));
    }
    a.add(Gpr.R13, LANES * type.bytes());
    for (int i = 0; i < LANES; i += 2) { // pairs of columns
      a.vunpcklps(out[i], in[i], in[i + 1]);
      a.vunpckhps(out[i + 1], in[i], in[i + 1]);
    }
    for (int i = 0; i < LANES; i += 4) { // fours: value p and value p + 4 of each
      for (int p = 0; p < 4; p++) {
        a.vshufps(in[i + p], out[i + p / 2], out[i + 2 + p / 2], p % 2 == 0 ? 0x44 : 0xEE);
      }
    }
    for (int p = 0; p < LANES; p++) {
      a.vperm2f128(out[p], in[p % 4], in[4 + p % 4], p < 4 ? 0x20 : 0x31);
      a.vmovups(Mem.at(Gpr.RSI), out[p]);
      a.add(Gpr.RSI, argument(TURNED_TO_ROW));
    }
    a.add(Gpr.RCX, LANES * type.bytes());
    a.dec(argument(SQUARES));
    a.jump(Condition.NOT_EQUAL, turn);
    a.vzeroupper();
    a.pop(Gpr.R13);
    a.pop(Gpr.R12);
    a.pop(Gpr.RBX);
    a.ret();
    return a.code();
  }

  private byte[] straightCode() {
    X64Assembler a = new X64Assembler();
    a.mov(Gpr.RAX, argument(FROM));
    a.mov(Gpr.RDX, argument(TO));
    CodeBuffer.Label row = a.here();
    a.mov(Gpr.RSI, Gpr.RAX);
    a.mov(Gpr.R8, Gpr.RDX);
    a.mov(Gpr.RCX, argument(VECTORS));
    CodeBuffer.Label turn = a.here();
    load(a, Vec.ymm(0), Mem.at(Gpr.RSI));
    a.vmovups(Mem.at(Gpr.R8), Vec.ymm(0));
    a.add(Gpr.RSI, LANES * type.bytes());
    a.add(Gpr.R8, LANES * Float.BYTES);
    a.dec(Gpr.RCX);
    a.jump(Condition.NOT_EQUAL, turn);
    a.add(Gpr.RAX, argument(FROM_ROW));
    a.add(Gpr.RDX, argument(TO_ROW));
    a.dec(argument(ROWS));
    a.jump(Condition.NOT_EQUAL, row);
    a.vzeroupper();
    a.ret();
    return a.code();
  }

  /**
   * Turns eight columns, and fetches as many values that follow towards the second cache: a column
   * is mostly taken piece by piece, and each piece is too short for the processor to see that.
   *
   * @param columns addresses of their first values
   * @param toRow bytes between values of K in the panel
   * @param squares eighths of the number of values of K
   */
  void runTurned(Code page, Frame f, long[] columns, long to, long toRow, int squares) {
    for (int i = 0; i < LANES; i++) {
      f.set(Long.BYTES * i, columns[i]);
    }
    f.set(TURNED_TO, to)
        .set(TURNED_TO_ROW, toRow)
        .set(SQUARES, Range.positive("squares", squares))
        .set(AHEAD, (long) squares * LANES * type.bytes())
        .call(page);
  }

  /** Copies rows of {@code vectors} times eight columns. */
  static void runStraight(
      Code page, Frame f, long from, long fromRow, long to, long toRow, int vectors, int rows) {
    f.set(FROM, from)
        .set(FROM_ROW, fromRow)
        .set(TO, to)
        .set(TO_ROW, toRow)
        .set(VECTORS, Range.positive("vectors", vectors))
        .set(ROWS, Range.positive("rows", rows))
        .call(page);
  }

  /** Eight columns of sixteen values. */
  @Override
  public @Nullable String fault(Code page) {
    int length = 16;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate((long) LANES * length * type.bytes(), 64);
      MemorySegment to = arena.allocate(4L * LANES * length, 64);
      for (int i = 0; i < LANES * length; i++) {
        float value = i % 2 == 0 ? i : -i / 64f;
        switch (type) {
          case F32 -> from.setAtIndex(JAVA_FLOAT, i, value);
          case F16 -> from.set(Numbers.SHORT, 2L * i, Float.floatToFloat16(value));
          default -> from.set(Numbers.SHORT, 2L * i, Numbers.floatToBf16(value));
        }
      }
      if (turned) {
        long[] columns = new long[LANES];
        for (int i = 0; i < LANES; i++) {
          columns[i] = from.address() + (long) i * length * type.bytes();
        }
        runTurned(page, new Frame(), columns, to.address(), 4 * LANES, length / LANES);
      } else {
        long row = (long) LANES * type.bytes();
        runStraight(page, new Frame(), from.address(), row, to.address(), 4 * LANES, 1, length);
      }
      for (int p = 0; p < length; p++) {
        for (int j = 0; j < LANES; j++) {
          float expected = Numbers.get(from, type, turned ? j * length + p : p * LANES + j);
          float actual = to.getAtIndex(JAVA_FLOAT, (long) p * LANES + j);
          if (actual != expected) {
            return "value " + p + " of column " + j + ": " + actual + ", expected " + expected;
          }
        }
      }
      return null;
    }
  }
}
