package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** A step from a panel of floats, a row of K after the other, to one of a {@link PackedWeight}. */
record PanelStepCode(Step step) implements Generated {
  /** What is done. */
  enum Step {
    /** Rows in pairs, as bfloat16. */
    PAIR(2),
    /** The greatest absolute value of each column, if it exceeds what is there. */
    GREATEST(1),
    /** Rows in fours, times a factor of each column, as bytes; their sums are added. */
    FOURS(4);

    private final int rows;

    Step(int rows) {
      this.rows = rows;
    }

    /** Rows of K at a time. */
    int rows() {
      return rows;
    }
  }

  private static final int ROW = 4 * PackedWeight.PANEL;
  private static final int FROM = 0;
  private static final int TO = 8;
  private static final int COUNT = 16;
  private static final int COLUMNS = 24;
  private static final int SUMS = 32;
  private static final int BITS = 40;

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    a.mov(Gpr.RAX, argument(FROM));
    a.mov(Gpr.RDX, argument(TO));
    a.mov(Gpr.RCX, argument(COUNT));
    a.mov(Gpr.RSI, argument(COLUMNS));
    a.mov(Gpr.R8, argument(SUMS));
    Vec bits = Vec.zmm(31);
    a.vbroadcastss(bits, argument(BITS));
    for (int j = 0; j < 2; j++) {
      switch (step) {
        case PAIR -> {}
        case GREATEST -> a.vmovups(Vec.zmm(16 + j), Mem.at(Gpr.RSI, 64 * j));
        case FOURS -> {
          a.vmovups(Vec.zmm(16 + j), Mem.at(Gpr.RSI, 64 * j));
          a.vmovups(Vec.zmm(18 + j), Mem.at(Gpr.R8, 64 * j));
        }
      }
    }
    CodeBuffer.Label turn = a.here();
    for (int j = 0; j < 2; j++) {
      switch (step) {
        case PAIR -> pair(a, j);
        case GREATEST -> {
          a.vpandd(Vec.zmm(0), bits, Mem.at(Gpr.RAX, 64 * j));
          a.vpmaxsd(Vec.zmm(16 + j), Vec.zmm(16 + j), Vec.zmm(0)); // NaN is the greatest
        }
        case FOURS -> fours(a, j, bits);
      }
    }
    a.add(Gpr.RAX, step.rows() * ROW);
    a.add(Gpr.RDX, ROW);
    a.dec(Gpr.RCX);
    a.jump(Condition.NOT_EQUAL, turn);
    for (int j = 0; j < 2; j++) {
      switch (step) {
        case PAIR -> {}
        case GREATEST -> a.vmovups(Mem.at(Gpr.RSI, 64 * j), Vec.zmm(16 + j));
        case FOURS -> a.vmovups(Mem.at(Gpr.R8, 64 * j), Vec.zmm(18 + j));
      }
    }
    a.vzeroupper();
    a.ret();
    return a.code();
  }

  private static void pair(X64Assembler a, int j) {
    for (int i = 0; i < 2; i++) {
      a.vmovups(Vec.zmm(i), Mem.at(Gpr.RAX, i * ROW + 64 * j));
      a.vcvtneps2bf16(Vec.ymm(i), Vec.zmm(i));
      a.vpmovzxwd(Vec.zmm(i), Vec.ymm(i));
    }
    a.vpslld(Vec.zmm(1), Vec.zmm(1), 16);
    a.vpord(Vec.zmm(0), Vec.zmm(0), Vec.zmm(1));
    a.vmovups(Mem.at(Gpr.RDX, 64 * j), Vec.zmm(0));
  }

  private static void fours(X64Assembler a, int j, Vec bits) {
    for (int i = 0; i < 4; i++) {
      Vec v = Vec.zmm(i);
      a.vmulps(v, Vec.zmm(16 + j), Mem.at(Gpr.RAX, i * ROW + 64 * j));
      a.vcvtps2dq(v, v);
      a.vpaddd(Vec.zmm(18 + j), Vec.zmm(18 + j), v);
      if (i < 3) {
        a.vpandd(v, v, bits);
      }
      if (i > 0) {
        a.vpslld(v, v, 8 * i);
        a.vpord(Vec.zmm(0), Vec.zmm(0), v);
      }
    }
    a.vmovups(Mem.at(Gpr.RDX, 64 * j), Vec.zmm(0));
  }

  /**
   * Does some rows. Addresses and their extents are the caller's to check.
   *
   * @param from address of floats, 32 a row
   * @param count pairs, rows or fours, 1 or more
   * @param columns address of 32 floats: the factors, or the greatest so far
   * @param sums address of 32 integers, or anything
   */
  void run(Code page, Frame f, long from, long to, int count, long columns, long sums) {
    f.set(FROM, from)
        .set(TO, to)
        .set(COUNT, (long) Range.positive("count", count))
        .set(COLUMNS, columns)
        .set(SUMS, sums)
        .set(BITS, step == Step.FOURS ? 0xFFL : 0x7FFF_FFFFL)
        .call(page);
  }

  @Override
  public @Nullable String fault(Code page) {
    int panel = PackedWeight.PANEL;
    int rows = 12;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate((long) ROW * rows, 64);
      MemorySegment to = arena.allocate((long) ROW * rows, 64);
      MemorySegment columns = arena.allocate(ROW, 64);
      MemorySegment sums = arena.allocate(ROW, 64);
      for (int i = 0; i < rows * panel; i++) {
        from.setAtIndex(JAVA_FLOAT, i, (i * 37 % 101 - 50) * 1.0137f);
      }
      for (int j = 0; j < panel; j++) {
        columns.setAtIndex(JAVA_FLOAT, j, step == Step.GREATEST ? j : j / 16f);
        sums.setAtIndex(JAVA_INT, j, j);
      }
      int count = rows / step.rows();
      long at = columns.address();
      run(page, new Frame(), from.address(), to.address(), count, at, sums.address());
      for (int j = 0; j < panel; j++) {
        float greatest = j;
        int sum = j;
        for (int k = 0; k < rows; k++) {
          float x = from.getAtIndex(JAVA_FLOAT, (long) k * panel + j);
          greatest = Math.max(greatest, Math.abs(x));
          int whole = (int) Math.rint(x * (j / 16f));
          sum += whole;
          int group = step.rows();
          long value = ((long) k / group * panel + j) * group + k % group;
          boolean right =
              switch (step) {
                case PAIR -> to.getAtIndex(JAVA_SHORT, value) == Numbers.floatToBf16(x);
                case GREATEST -> true;
                case FOURS -> to.get(JAVA_BYTE, value) == (byte) whole;
              };
          if (!right) {
            return "row " + k + ", column " + j;
          }
        }
        if (step == Step.GREATEST && columns.getAtIndex(JAVA_FLOAT, j) != greatest
            || step == Step.FOURS && sums.getAtIndex(JAVA_INT, j) != sum) {
          return "column " + j;
        }
      }
      return null;
    }
  }
}
