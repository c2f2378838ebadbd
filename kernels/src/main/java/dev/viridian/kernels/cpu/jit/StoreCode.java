package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Writes rows of finished sums into a matrix: {@code to = alpha · sums}, or {@code += } it, then
 * plus a bias.
 *
 * @param add whether the matrix is added to
 * @param bias whether a bias is added
 */
record StoreCode(boolean add, boolean bias) implements Generated {
  private static final int LANES = 8;
  private static final int FROM = 0;
  private static final int FROM_ROW = 8;
  private static final int TO = 16;
  private static final int TO_ROW = 24;
  private static final int BIAS = 32;
  private static final int ROWS = 40;
  private static final int BYTES = 48;
  private static final int MASK = 56;
  private static final int ALPHA = 64;

  /** Lanes of ones, then of zeros: eight from lane 8 − n on are a mask of n lanes. */
  private static final MemorySegment MASKS = masks();

  private static MemorySegment masks() {
    MemorySegment masks = Arena.global().allocate(4 * 2 * LANES, 64);
    for (int i = 0; i < LANES; i++) {
      masks.setAtIndex(JAVA_INT, i, -1);
    }
    return masks;
  }

  /** Address of a mask of the lanes that are left of some columns after whole vectors. */
  static long mask(int columns) {
    return MASKS.address() + 4L * (LANES - columns % LANES);
  }

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    Vec alpha = Vec.ymm(15);
    Vec mask = Vec.ymm(14);
    Vec v = Vec.ymm(0);
    a.vbroadcastss(alpha, argument(ALPHA));
    a.mov(Gpr.RAX, argument(MASK));
    a.vmovups(mask, Mem.at(Gpr.RAX));
    a.mov(Gpr.RAX, argument(FROM));
    a.mov(Gpr.RDX, argument(TO));
    a.mov(Gpr.RSI, argument(BIAS));
    a.mov(Gpr.R8, argument(ROWS));
    a.mov(Gpr.R9, argument(BYTES));
    CodeBuffer.Label row = a.here();
    CodeBuffer.Label tail = a.label();
    CodeBuffer.Label next = a.label();
    a.xor(Gpr.RCX, Gpr.RCX);
    a.cmp(Gpr.RCX, Gpr.R9);
    a.jump(Condition.ABOVE_OR_EQUAL, tail);
    CodeBuffer.Label turn = a.here();
    a.vmulps(v, alpha, Mem.at(Gpr.RAX, Gpr.RCX, 0));
    if (add) {
      a.vaddps(v, v, Mem.at(Gpr.RDX, Gpr.RCX, 0));
    }
    if (bias) {
      a.vaddps(v, v, Mem.at(Gpr.RSI, Gpr.RCX, 0));
    }
    a.vmovups(Mem.at(Gpr.RDX, Gpr.RCX, 0), v);
    a.add(Gpr.RCX, 4 * LANES);
    a.cmp(Gpr.RCX, Gpr.R9);
    a.jump(Condition.BELOW, turn);
    a.bind(tail);
    a.mov(Gpr.R10, argument(MASK));
    a.cmp(Mem.at(Gpr.R10), 0); // the lowest lanes of an empty mask
    a.jump(Condition.EQUAL, next);
    a.vmulps(v, alpha, Mem.at(Gpr.RAX, Gpr.RCX, 0));
    if (add) {
      a.vmaskmovps(Vec.ymm(1), mask, Mem.at(Gpr.RDX, Gpr.RCX, 0));
      a.vaddps(v, v, Vec.ymm(1));
    }
    if (bias) {
      a.vaddps(v, v, Mem.at(Gpr.RSI, Gpr.RCX, 0));
    }
    a.vmaskmovps(Mem.at(Gpr.RDX, Gpr.RCX, 0), mask, v);
    a.bind(next);
    a.add(Gpr.RAX, argument(FROM_ROW));
    a.add(Gpr.RDX, argument(TO_ROW));
    a.dec(Gpr.R8);
    a.jump(Condition.NOT_EQUAL, row);
    a.vzeroupper();
    a.ret();
    return a.code();
  }

  /**
   * Writes rows.
   *
   * @param from address of sums, readable in whole vectors, as is the bias
   * @param fromRow bytes from row to row
   * @param biasAt address of the bias of the first column; anything without one
   */
  static void run(
      Code page,
      Frame f,
      long from,
      long fromRow,
      long to,
      long toRow,
      long biasAt,
      float alpha,
      int rows,
      int columns) {
    int whole = Range.positive("columns", columns) / LANES;
    f.set(FROM, from)
        .set(FROM_ROW, fromRow)
        .set(TO, to)
        .set(TO_ROW, toRow)
        .set(BIAS, biasAt)
        .set(ROWS, Range.positive("rows", rows))
        .set(BYTES, 4L * LANES * whole)
        .set(MASK, mask(columns))
        .set(ALPHA, alpha)
        .call(page);
  }

  /** Three rows, once for each number of lanes in the tail. */
  @Override
  public @Nullable String fault(Code page) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate(4 * 3 * 24, 64);
      MemorySegment to = arena.allocate(4 * 3 * 24, 64);
      MemorySegment biases = arena.allocate(4 * 24, 64);
      for (int columns = 1; columns <= 17; columns++) {
        for (int i = 0; i < 72; i++) {
          from.setAtIndex(JAVA_FLOAT, i, i);
          to.setAtIndex(JAVA_FLOAT, i, 1000);
          biases.setAtIndex(JAVA_FLOAT, i % 24, i % 24 * 100);
        }
        run(
            page,
            new Frame(),
            from.address(),
            96,
            to.address(),
            96,
            biases.address(),
            0.5f,
            3,
            columns);
        for (int i = 0; i < 72; i++) {
          int column = i % 24;
          float expected = i * 0.5f + (add ? 1000 : 0) + (bias ? column * 100 : 0);
          expected = column < columns ? expected : 1000;
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
