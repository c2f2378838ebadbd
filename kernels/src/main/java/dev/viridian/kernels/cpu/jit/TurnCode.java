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
 * Copies sixteen equally distant columns of the right factor, whose values along K lie one after
 * the other each, into a panel, turned and widened to float. A row of the panel gets a whole cache
 * line at a time: {@link PackCode} writes eight columns, half a line, and that costs twice as much.
 *
 * @param type F32, F16 or BF16
 */
record TurnCode(DType type) implements Generated {
  /** Columns, and values of K in one turn of the loop. */
  static final int LANES = 16;

  private static final int FROM = 0;
  private static final int COLUMN = 8;
  private static final int TO = 16;
  private static final int TO_ROW = 24;
  private static final int TURNS = 32;
  private static final int AHEAD = 40;

  /** Point to columns 0, 4, 8 and 12. */
  private static final Gpr[] FOURTHS = {Gpr.RAX, Gpr.RDX, Gpr.R8, Gpr.R9};

  private static final Gpr ONE = Gpr.R10;
  private static final Gpr THREE = Gpr.R11;

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    a.push(Gpr.RBX);
    a.push(Gpr.R12);
    a.mov(ONE, argument(COLUMN));
    a.mov(THREE, ONE);
    a.add(THREE, ONE);
    a.add(THREE, ONE);
    a.mov(Gpr.RAX, argument(FROM));
    for (int i = 1; i < FOURTHS.length; i++) {
      a.mov(FOURTHS[i], FOURTHS[i - 1]);
      a.add(FOURTHS[i], ONE);
      a.add(FOURTHS[i], THREE);
    }
    a.mov(Gpr.RSI, argument(TO));
    a.mov(Gpr.RCX, argument(TO_ROW));
    a.mov(Gpr.RBX, argument(AHEAD));
    a.mov(Gpr.RDI, argument(TURNS));
    a.align(32);
    CodeBuffer.Label turn = a.here();
    for (int step = 0; step < LANES; step += 4) {
      Gpr fourth = FOURTHS[step / 4];
      a.mov(Gpr.R12, fourth);
      a.add(Gpr.R12, Gpr.RBX);
      for (int i = 0; i < 4; i++) {
        a.prefetcht1(column(Gpr.R12, i, 0));
      }
      values(a, step);
    }
    for (Gpr fourth : FOURTHS) {
      a.add(fourth, LANES * type.bytes());
    }
    a.dec(Gpr.RDI);
    a.jump(Condition.NOT_EQUAL, turn);
    a.vzeroupper();
    a.pop(Gpr.R12);
    a.pop(Gpr.RBX);
    a.ret();
    return a.code();
  }

  private static Mem column(Gpr fourth, int number, int offset) {
    return switch (number) {
      case 0 -> Mem.at(fourth, offset);
      case 1 -> Mem.at(fourth, ONE, offset);
      case 2 -> Mem.at(fourth, offset).indexed(ONE, 2);
      default -> Mem.at(fourth, THREE, offset);
    };
  }

  /** Four values of K of all columns. */
  private void values(X64Assembler a, int first) {
    int offset = first * type.bytes();
    for (int half = 0; half < 2; half++) {
      for (int i = 0; i < 4; i++) {
        Mem lower = column(FOURTHS[2 * half], i, offset);
        Mem upper = column(FOURTHS[2 * half + 1], i, offset);
        int number = 8 * half + i;
        load(a, Vec.xmm(number), lower);
        if (type == DType.F32) { // put there as it is read: no shuffle
          a.vinsertf128(Vec.ymm(number), Vec.ymm(number), upper, 1);
        } else {
          load(a, Vec.xmm(number + 4), upper);
          a.vinsertf128(Vec.ymm(number), Vec.ymm(number), Vec.xmm(number + 4), 1);
        }
      }
      for (int i = 0; i < 4; i += 2) { // pairs of columns
        Vec even = Vec.ymm(8 * half + i);
        Vec odd = Vec.ymm(8 * half + i + 1);
        a.vunpcklps(Vec.ymm(8 * half + 4 + i), even, odd);
        a.vunpckhps(Vec.ymm(8 * half + 5 + i), even, odd);
      }
    }
    for (int p = 0; p < 4; p++) {
      for (int half = 0; half < 2; half++) { // fours, and both halves of a line
        int pairs = 8 * half + 4 + p / 2;
        Vec to = Vec.ymm(8 * half + p);
        a.vshufps(to, Vec.ymm(pairs), Vec.ymm(pairs + 2), p % 2 == 0 ? 0x44 : 0xEE);
        a.vmovups(Mem.at(Gpr.RSI, 32 * half), to);
      }
      a.add(Gpr.RSI, Gpr.RCX);
    }
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

  /**
   * Turns columns. Addresses and their extents are the caller's to check.
   *
   * @param column bytes from column to column
   * @param toRow bytes between values of K in the panel
   * @param turns sixteenths of the number of values of K
   * @param ahead bytes from a value to that which is fetched towards the second cache meanwhile
   */
  static void run(
      Code page, Frame f, long from, long column, long to, long toRow, int turns, long ahead) {
    f.set(FROM, from)
        .set(COLUMN, column)
        .set(TO, to)
        .set(TO_ROW, toRow)
        .set(TURNS, Range.positive("turns", turns))
        .set(AHEAD, ahead)
        .call(page);
  }

  /** Sixteen columns of 32 values, 35 apart. */
  @Override
  public @Nullable String fault(Code page) {
    int length = 2 * LANES;
    int distance = length + 3;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate((long) LANES * distance * type.bytes(), 64);
      MemorySegment to = arena.allocate(4L * LANES * length, 64);
      for (int i = 0; i < LANES * distance; i++) {
        float value = i % 2 == 0 ? i : -i / 64f;
        switch (type) {
          case F32 -> from.setAtIndex(JAVA_FLOAT, i, value);
          case F16 -> from.set(Numbers.SHORT, 2L * i, Float.floatToFloat16(value));
          default -> from.set(Numbers.SHORT, 2L * i, Numbers.floatToBf16(value));
        }
      }
      long column = (long) distance * type.bytes();
      run(page, new Frame(), from.address(), column, to.address(), 4 * LANES, length / LANES, 0);
      for (int p = 0; p < length; p++) {
        for (int j = 0; j < LANES; j++) {
          float expected = Numbers.get(from, type, (long) j * distance + p);
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
