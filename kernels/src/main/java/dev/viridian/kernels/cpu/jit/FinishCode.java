package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Takes the sums of a product to the result: {@code sum + bias}, or, of bytes, {@code (sum − zero ·
 * columnSum) · scale · columnScale + bias}, scale and zero point being the row's.
 */
record FinishCode(DotType type) implements Generated {
  private static final int LANES = 16;
  private static final int FROM = 0;
  private static final int FROM_ROW = 8;
  private static final int TO = 16;
  private static final int TO_ROW = 24;
  private static final int BIAS = 32;
  private static final int ROWS = 40;
  private static final int BYTES = 48;
  private static final int MASK = 56;
  private static final int SCALES = 64;
  private static final int SUMS = 72;
  private static final int QUANTA = 80;
  private static final int QUANTA_ROW = 88;

  private static final Vec SCALE = Vec.zmm(1);
  private static final Vec ZERO = Vec.zmm(2);

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    Mask k = new Mask(1);
    a.push(Gpr.RBX);
    a.push(Gpr.R12);
    a.mov(Gpr.R12, argument(MASK));
    a.kmovw(k, Gpr.R12);
    a.mov(Gpr.RAX, argument(FROM));
    a.mov(Gpr.RDX, argument(TO));
    a.mov(Gpr.RSI, argument(BIAS));
    a.mov(Gpr.R8, argument(ROWS));
    a.mov(Gpr.R9, argument(BYTES));
    a.mov(Gpr.R10, argument(SCALES));
    a.mov(Gpr.R11, argument(SUMS));
    a.mov(Gpr.RBX, argument(QUANTA));
    CodeBuffer.Label row = a.here();
    CodeBuffer.Label tail = a.label();
    CodeBuffer.Label next = a.label();
    if (type == DotType.INT8) {
      a.vbroadcastss(SCALE, Mem.at(Gpr.RBX));
      a.vbroadcastss(ZERO, Mem.at(Gpr.RBX, 4));
    }
    a.xor(Gpr.RCX, Gpr.RCX);
    a.cmp(Gpr.RCX, Gpr.R9);
    a.jump(Condition.ABOVE_OR_EQUAL, tail);
    CodeBuffer.Label turn = a.here();
    value(a);
    a.vmovups(Mem.at(Gpr.RDX, Gpr.RCX, 0), Vec.zmm(0));
    a.add(Gpr.RCX, 4 * LANES);
    a.cmp(Gpr.RCX, Gpr.R9);
    a.jump(Condition.BELOW, turn);
    a.bind(tail);
    a.cmp(Gpr.R12, 0);
    a.jump(Condition.EQUAL, next);
    value(a);
    a.vmovups(Mem.at(Gpr.RDX, Gpr.RCX, 0).masked(k), Vec.zmm(0));
    a.bind(next);
    a.add(Gpr.RAX, argument(FROM_ROW));
    a.add(Gpr.RDX, argument(TO_ROW));
    a.add(Gpr.RBX, argument(QUANTA_ROW));
    a.dec(Gpr.R8);
    a.jump(Condition.NOT_EQUAL, row);
    a.vzeroupper();
    a.pop(Gpr.R12);
    a.pop(Gpr.RBX);
    a.ret();
    return a.code();
  }

  private void value(X64Assembler a) {
    Vec v = Vec.zmm(0);
    a.vmovups(v, Mem.at(Gpr.RAX, Gpr.RCX, 0));
    if (type == DotType.BF16) {
      a.vaddps(v, v, Mem.at(Gpr.RSI, Gpr.RCX, 0));
    } else {
      a.vpmulld(Vec.zmm(3), ZERO, Mem.at(Gpr.R11, Gpr.RCX, 0));
      a.vpsubd(v, v, Vec.zmm(3));
      a.vcvtdq2ps(v, v);
      a.vmulps(Vec.zmm(4), SCALE, Mem.at(Gpr.R10, Gpr.RCX, 0));
      a.vfmadd213ps(v, Vec.zmm(4), Mem.at(Gpr.RSI, Gpr.RCX, 0));
    }
  }

  /**
   * Writes rows. Addresses and their extents are the caller's to check; sums, bias, scales and
   * column sums are read in whole vectors.
   *
   * @param quanta address of the first row's scale and zero point, anything for bfloat16
   * @param quantaRow bytes from row to row there; 0 for one of all
   */
  static void run(
      Code page,
      Frame f,
      long from,
      long fromRow,
      long to,
      long toRow,
      long bias,
      long scales,
      long sums,
      long quanta,
      long quantaRow,
      int rows,
      int columns) {
    f.set(FROM, from)
        .set(FROM_ROW, fromRow)
        .set(TO, to)
        .set(TO_ROW, toRow)
        .set(BIAS, bias)
        .set(ROWS, Range.positive("rows", rows))
        .set(BYTES, 4L * LANES * (Range.positive("columns", columns) / LANES))
        .set(MASK, (1L << columns % LANES) - 1)
        .set(SCALES, scales)
        .set(SUMS, sums)
        .set(QUANTA, quanta)
        .set(QUANTA_ROW, quantaRow)
        .call(page);
  }

  /** Three rows, once for each number of lanes in the tail; what lies behind stays. */
  @Override
  public @Nullable String fault(Code page) {
    boolean bytes = type == DotType.INT8;
    int ld = 48;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate(4L * 3 * ld, 64);
      MemorySegment to = arena.allocate(4L * 3 * ld, 64);
      MemorySegment of = arena.allocate(4L * 3 * ld, 64); // bias, scales, sums
      MemorySegment quanta = arena.allocate(8 * 3, 64);
      for (int i = 0; i < ld; i++) {
        of.setAtIndex(JAVA_FLOAT, i, i * 100);
        of.setAtIndex(JAVA_FLOAT, ld + i, i % 3 + 1);
        of.setAtIndex(JAVA_INT, 2L * ld + i, i % 5 - 2);
      }
      for (int columns = 1; columns <= 33; columns++) {
        for (int i = 0; i < 3 * ld; i++) {
          to.setAtIndex(JAVA_FLOAT, i, 1000);
          if (bytes) {
            from.setAtIndex(JAVA_INT, i, i - 60);
          } else {
            from.setAtIndex(JAVA_FLOAT, i, i - 60);
          }
        }
        for (int i = 0; i < 3; i++) {
          quanta.setAtIndex(JAVA_FLOAT, 2 * i, 0.5f * (i + 1));
          quanta.setAtIndex(JAVA_INT, 2 * i + 1, 7 * i);
        }
        long at = of.address();
        run(
            page,
            new Frame(),
            from.address(),
            4L * ld,
            to.address(),
            4L * ld,
            at,
            at + 4L * ld,
            at + 8L * ld,
            quanta.address(),
            8,
            3,
            columns);
        for (int i = 0; i < 3 * ld; i++) {
          int row = i / ld;
          int column = i % ld;
          float sum = i - 60;
          if (bytes) {
            sum = (sum - 7 * row * (column % 5 - 2)) * 0.5f * (row + 1) * (column % 3 + 1);
          }
          float expected = column < columns ? sum + column * 100 : 1000;
          float actual = to.getAtIndex(JAVA_FLOAT, i);
          if (actual != expected) {
            return columns + " columns, value " + i + ": " + actual + ", expected " + expected;
          }
        }
      }
      return null;
    }
  }
}
