package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What {@link PairSums} adds too much on account of a row, or of a column that lies as a row: the
 * sum over its pairs of one's product. Reads nothing beyond the rows.
 */
record PairCode() implements Generated {
  private static final int FROM = 0;
  private static final int FROM_ROW = 8;
  private static final int ROWS = 16;
  private static final int BYTES = 24;
  private static final int TO = 32;

  /** Whether a smaller group is left, of which a pair counts. */
  private static final int REST = 40;

  private static final int MASK = 48;
  private static final int LANES = 4;
  private static final int GROUP_BYTES = Float.BYTES * PairSums.GROUP;

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    Vec sum = Vec.xmm(0);
    Vec values = Vec.xmm(1);
    Vec turned = Vec.xmm(2);
    Vec mask = Vec.xmm(3);
    a.mov(Gpr.RAX, argument(FROM));
    a.mov(Gpr.RDX, argument(TO));
    a.mov(Gpr.R8, argument(ROWS));
    a.mov(Gpr.R9, argument(BYTES));
    a.mov(Gpr.R10, argument(MASK));
    a.vmovups(mask, Mem.at(Gpr.R10));
    a.mov(Gpr.R10, argument(REST));
    CodeBuffer.Label row = a.here();
    CodeBuffer.Label end = a.label();
    CodeBuffer.Label whole = a.label();
    a.vxorps(sum, sum, sum);
    a.xor(Gpr.RCX, Gpr.RCX);
    a.cmp(Gpr.RCX, Gpr.R9);
    a.jump(Condition.ABOVE_OR_EQUAL, end);
    CodeBuffer.Label turn = a.here();
    a.vmovups(values, Mem.at(Gpr.RAX, Gpr.RCX, 0)); // two pairs
    a.vshufps(turned, values, values, 0xB1);
    a.vfmadd231ps(sum, values, turned);
    a.add(Gpr.RCX, GROUP_BYTES);
    a.cmp(Gpr.RCX, Gpr.R9);
    a.jump(Condition.BELOW, turn);
    a.bind(end);
    a.test(Gpr.R10, Gpr.R10);
    a.jump(Condition.EQUAL, whole);
    a.vmaskmovps(values, mask, Mem.at(Gpr.RAX, Gpr.RCX, 0));
    a.vshufps(turned, values, values, 0xB1);
    a.vfmadd231ps(sum, values, turned);
    a.bind(whole);
    a.vshufps(turned, sum, sum, 0x4E);
    a.vaddps(sum, sum, turned);
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
   * Sums products. Addresses and their extents are the caller's to check.
   *
   * @param k values of a row, of which those in pairs count
   * @param to address of {@link #bytes} bytes: a float for each row, the rest is overwritten
   */
  static void run(Code page, Frame f, long from, long fromRow, int rows, int k, long to) {
    f.set(FROM, from)
        .set(FROM_ROW, fromRow)
        .set(ROWS, Range.positive("rows", rows))
        .set(BYTES, 4L * PairSums.whole(Range.positive("values", k)))
        .set(TO, to)
        .set(REST, PairSums.grouped(k) > PairSums.whole(k) ? 1L : 0L)
        .set(MASK, StoreCode.mask(2))
        .call(page);
  }

  /** Three rows without a group, and with one, two or three, a smaller one among them or not. */
  @Override
  public @Nullable String fault(Code page) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate(4 * 3 * 24, 64);
      MemorySegment to = arena.allocate(bytes(3), 64);
      float[] values = Trial.fill(from, 37);
      for (int k : new int[] {3, 5, 9, 18, 22}) {
        to.fill((byte) 1);
        run(page, new Frame(), from.address(), 96, 3, k, to.address());
        for (int i = 0; i < 3; i++) {
          float expected = 0;
          for (int j = 0; j < k; j++) {
            int at = 24 * i + j;
            expected += PairSums.pair(k, j) ? values[at] * values[at + 1] : 0;
          }
          float actual = to.getAtIndex(JAVA_FLOAT, i);
          if (!(Math.abs(actual - expected) <= 1e-5)) {
            return k + " values, row " + i + ": " + actual + ", expected " + expected;
          }
        }
      }
      return null;
    }
  }
}
