package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The sum of the squares of each of some rows; reads nothing beyond them. */
record LengthCode() implements Generated {
  private static final int LANES = 8;
  private static final int FROM = 0;
  private static final int FROM_ROW = 8;
  private static final int ROWS = 16;
  private static final int BYTES = 24;
  private static final int MASK = 32;
  private static final int TO = 40;

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    Vec sum = Vec.ymm(0);
    Vec value = Vec.ymm(1);
    Vec mask = Vec.ymm(2);
    a.mov(Gpr.RAX, argument(FROM));
    a.mov(Gpr.RDX, argument(TO));
    a.mov(Gpr.R8, argument(ROWS));
    a.mov(Gpr.R9, argument(BYTES));
    a.mov(Gpr.R10, argument(MASK));
    a.vmovups(mask, Mem.at(Gpr.R10));
    CodeBuffer.Label row = a.here();
    CodeBuffer.Label tail = a.label();
    a.vxorps(sum, sum, sum);
    a.xor(Gpr.RCX, Gpr.RCX);
    a.cmp(Gpr.RCX, Gpr.R9);
    a.jump(Condition.ABOVE_OR_EQUAL, tail);
    CodeBuffer.Label turn = a.here();
    a.vmovups(value, Mem.at(Gpr.RAX, Gpr.RCX, 0));
    a.vfmadd231ps(sum, value, value);
    a.add(Gpr.RCX, 4 * LANES);
    a.cmp(Gpr.RCX, Gpr.R9);
    a.jump(Condition.BELOW, turn);
    a.bind(tail);
    a.vmaskmovps(value, mask, Mem.at(Gpr.RAX, Gpr.RCX, 0)); // an empty mask reads nothing
    a.vfmadd231ps(sum, value, value);
    a.vperm2f128(value, sum, sum, 0x01);
    a.vaddps(sum, sum, value);
    a.vshufps(value, sum, sum, 0x4E);
    a.vaddps(sum, sum, value);
    a.vshufps(value, sum, sum, 0xB1);
    a.vaddps(sum, sum, value);
    a.vmovups(Mem.at(Gpr.RDX), sum); // the next row's comes over the rest
    a.add(Gpr.RDX, Float.BYTES);
    a.add(Gpr.RAX, argument(FROM_ROW));
    a.dec(Gpr.R8);
    a.jump(Condition.NOT_EQUAL, row);
    a.vzeroupper();
    a.ret();
    return a.code();
  }

  /** Bytes that are written for some rows. */
  static long bytes(int rows) {
    return 4L * (rows + LANES - 1);
  }

  /**
   * Sums squares. Addresses and their extents are the caller's to check.
   *
   * @param to address of {@link #bytes} bytes: a float for each row, the rest is overwritten
   */
  static void run(Code page, Frame f, long from, long fromRow, int rows, int columns, long to) {
    f.set(FROM, from)
        .set(FROM_ROW, fromRow)
        .set(ROWS, Range.positive("rows", rows))
        .set(BYTES, 4L * LANES * (Range.positive("columns", columns) / LANES))
        .set(MASK, StoreCode.mask(columns))
        .set(TO, to)
        .call(page);
  }

  /** Three rows, once for each number of lanes in the tail. */
  @Override
  public @Nullable String fault(Code page) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate(4 * 3 * 24, 64);
      MemorySegment to = arena.allocate(bytes(3), 64);
      for (int i = 0; i < 72; i++) {
        from.setAtIndex(JAVA_FLOAT, i, i % 7 - 2);
      }
      for (int columns = 1; columns <= 17; columns++) {
        run(page, new Frame(), from.address(), 96, 3, columns, to.address());
        for (int i = 0; i < 3; i++) {
          float expected = 0;
          for (int j = 0; j < columns; j++) {
            float value = from.getAtIndex(JAVA_FLOAT, 24L * i + j);
            expected += value * value;
          }
          float actual = to.getAtIndex(JAVA_FLOAT, i);
          if (actual != expected) {
            return columns + " columns, row " + i + ": " + actual + ", expected " + expected;
          }
        }
      }
      return null;
    }
  }
}
