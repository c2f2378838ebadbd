package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Copies rows times a factor; reads and writes nothing beyond them. The factor is one for all rows,
 * or each row's reciprocal of the sum of some lanes, 0 if that is 0.
 *
 * @param sumLanes lanes to be summed, 8 or 16; 0 if the factor is one for all
 */
record RowsCode(int sumLanes) implements Generated {
  private static final int LANES = 8;
  private static final int FROM = 0;
  private static final int FROM_ROW = 8;
  private static final int TO = 16;
  private static final int TO_ROW = 24;
  private static final int ROWS = 32;
  private static final int BYTES = 40;
  private static final int MASK = 48;
  private static final int FACTOR = 56;
  private static final int FACTOR_ROW = 64;
  private static final int ONE = 72;

  /** Of {@code vcmpps}: not equal, or not a number. */
  private static final int NOT_EQUAL = 4;

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    Vec one = Vec.ymm(15);
    Vec mask = Vec.ymm(14);
    Vec zero = Vec.ymm(13);
    Vec factor = Vec.ymm(12);
    Vec v = Vec.ymm(0);
    a.vbroadcastss(one, argument(ONE));
    a.vxorps(zero, zero, zero);
    a.mov(Gpr.R10, argument(MASK));
    a.vmovups(mask, Mem.at(Gpr.R10));
    a.mov(Gpr.RAX, argument(FROM));
    a.mov(Gpr.RDX, argument(TO));
    a.mov(Gpr.RSI, argument(FACTOR));
    a.mov(Gpr.R8, argument(ROWS));
    a.mov(Gpr.R9, argument(BYTES));
    CodeBuffer.Label row = a.here();
    CodeBuffer.Label tail = a.label();
    CodeBuffer.Label next = a.label();
    if (sumLanes == 0) {
      a.vbroadcastss(factor, Mem.at(Gpr.RSI));
    } else {
      reciprocal(a, factor, one, zero);
    }
    a.xor(Gpr.RCX, Gpr.RCX);
    a.cmp(Gpr.RCX, Gpr.R9);
    a.jump(Condition.ABOVE_OR_EQUAL, tail);
    CodeBuffer.Label turn = a.here();
    a.vmulps(v, factor, Mem.at(Gpr.RAX, Gpr.RCX, 0));
    a.vmovups(Mem.at(Gpr.RDX, Gpr.RCX, 0), v);
    a.add(Gpr.RCX, 4 * LANES);
    a.cmp(Gpr.RCX, Gpr.R9);
    a.jump(Condition.BELOW, turn);
    a.bind(tail);
    a.cmp(Mem.at(Gpr.R10), 0); // the lowest lanes of an empty mask
    a.jump(Condition.EQUAL, next);
    a.vmaskmovps(v, mask, Mem.at(Gpr.RAX, Gpr.RCX, 0));
    a.vmulps(v, v, factor);
    a.vmaskmovps(Mem.at(Gpr.RDX, Gpr.RCX, 0), mask, v);
    a.bind(next);
    a.add(Gpr.RAX, argument(FROM_ROW));
    a.add(Gpr.RDX, argument(TO_ROW));
    a.add(Gpr.RSI, argument(FACTOR_ROW));
    a.dec(Gpr.R8);
    a.jump(Condition.NOT_EQUAL, row);
    a.vzeroupper();
    a.ret();
    return a.code();
  }

  private void reciprocal(X64Assembler a, Vec factor, Vec one, Vec zero) {
    Vec sum = Vec.ymm(1);
    Vec other = Vec.ymm(2);
    a.vmovups(sum, Mem.at(Gpr.RSI));
    if (sumLanes > LANES) {
      a.vaddps(sum, sum, Mem.at(Gpr.RSI, 4 * LANES));
    }
    a.vperm2f128(other, sum, sum, 0x01);
    a.vaddps(sum, sum, other);
    a.vshufps(other, sum, sum, 0x4E);
    a.vaddps(sum, sum, other);
    a.vshufps(other, sum, sum, 0xB1);
    a.vaddps(sum, sum, other);
    a.vdivps(factor, one, sum);
    a.vcmpps(other, sum, zero, NOT_EQUAL);
    a.vandps(factor, factor, other);
  }

  /**
   * Copies rows. Addresses and their extents are the caller's to check.
   *
   * @param factor address of the factor, or of the lanes to be summed of the first row
   * @param factorRow bytes from row to row there; 0 for one factor
   */
  void run(
      Code page,
      Frame f,
      long from,
      long fromRow,
      long to,
      long toRow,
      int rows,
      int columns,
      long factor,
      long factorRow) {
    f.set(FROM, from)
        .set(FROM_ROW, fromRow)
        .set(TO, to)
        .set(TO_ROW, toRow)
        .set(ROWS, Range.positive("rows", rows))
        .set(BYTES, 4L * LANES * (Range.positive("columns", columns) / LANES))
        .set(MASK, StoreCode.mask(columns))
        .set(FACTOR, factor)
        .set(FACTOR_ROW, factorRow)
        .set(ONE, 1f)
        .call(page);
  }

  /** Three rows, once for each number of lanes in the tail; the sum of the last is 0. */
  @Override
  public @Nullable String fault(Code page) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate(4 * 3 * 24, 64);
      MemorySegment to = arena.allocate(4 * 3 * 24, 64);
      MemorySegment factors = arena.allocate(4 * 3 * 16, 64);
      int lanes = Math.max(1, sumLanes);
      float[] expectedFactor = new float[3];
      for (int i = 0; i < 3; i++) {
        float sum = 0;
        for (int j = 0; j < lanes; j++) {
          float value = i == 2 && sumLanes > 0 ? 0 : i % 2 + (j + 1) / 4f;
          factors.setAtIndex(JAVA_FLOAT, (long) i * lanes + j, value);
          sum += value;
        }
        expectedFactor[i] = sumLanes == 0 ? sum : sum == 0 ? 0 : 1 / sum;
      }
      for (int columns = 1; columns <= 17; columns++) {
        for (int i = 0; i < 72; i++) {
          from.setAtIndex(JAVA_FLOAT, i, i);
          to.setAtIndex(JAVA_FLOAT, i, 1000);
        }
        run(
            page,
            new Frame(),
            from.address(),
            96,
            to.address(),
            96,
            3,
            columns,
            factors.address(),
            4L * lanes);
        for (int i = 0; i < 72; i++) {
          float expected = i % 24 < columns ? i * expectedFactor[i / 24] : 1000;
          float actual = to.getAtIndex(JAVA_FLOAT, i);
          if (!(Math.abs(actual - expected) <= 1e-6 * Math.abs(expected))) {
            return columns + " columns, value " + i + ": " + actual + ", expected " + expected;
          }
        }
      }
      return null;
    }
  }
}
