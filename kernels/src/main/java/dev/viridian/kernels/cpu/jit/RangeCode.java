package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Finds the least and the greatest of a run of floats and 0, and whether all are finite: the sum of
 * all times 0 is then 0, else NaN.
 */
record RangeCode() implements Generated {
  /** Bytes that it writes: least, greatest and the sum, each in the first lane of four. */
  static final int RESULT = 48;

  private static final int LANES = 16;
  private static final int FROM = 0;
  private static final int BYTES = 8;
  private static final int MASK = 16;
  private static final int TO = 24;

  private static final Vec LEAST = Vec.zmm(1);
  private static final Vec GREATEST = Vec.zmm(2);
  private static final Vec SUM = Vec.zmm(3);
  private static final Vec ZERO = Vec.zmm(4);

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    Mask k = new Mask(1);
    a.mov(Gpr.RAX, argument(MASK));
    a.kmovw(k, Gpr.RAX);
    for (Vec v : new Vec[] {LEAST, GREATEST, SUM, ZERO}) {
      a.vpxord(v, v, v);
    }
    a.mov(Gpr.RAX, argument(FROM));
    a.mov(Gpr.RDX, argument(TO));
    a.mov(Gpr.R9, argument(BYTES));
    CodeBuffer.Label tail = a.label();
    a.xor(Gpr.RCX, Gpr.RCX);
    a.cmp(Gpr.RCX, Gpr.R9);
    a.jump(Condition.ABOVE_OR_EQUAL, tail);
    CodeBuffer.Label turn = a.here();
    a.vmovups(Vec.zmm(0), Mem.at(Gpr.RAX, Gpr.RCX, 0));
    take(a);
    a.add(Gpr.RCX, 4 * LANES);
    a.cmp(Gpr.RCX, Gpr.R9);
    a.jump(Condition.BELOW, turn);
    a.bind(tail);
    a.vmovups(Vec.zmm(0).zeroing(k), Mem.at(Gpr.RAX, Gpr.RCX, 0));
    take(a);
    for (int i = 0; i < 3; i++) {
      int of = i + 1;
      a.vextractf64x4(Vec.ymm(0), Vec.zmm(of), 1);
      fold(a, i, Vec.ymm(of), Vec.ymm(0));
      a.vextractf128(Vec.xmm(0), Vec.ymm(of), 1);
      fold(a, i, Vec.xmm(of), Vec.xmm(0));
      a.vshufps(Vec.xmm(0), Vec.xmm(of), Vec.xmm(of), 0x4E);
      fold(a, i, Vec.xmm(of), Vec.xmm(0));
      a.vshufps(Vec.xmm(0), Vec.xmm(of), Vec.xmm(of), 0xB1);
      fold(a, i, Vec.xmm(of), Vec.xmm(0));
      a.vmovups(Mem.at(Gpr.RDX, 16 * i), Vec.xmm(of));
    }
    a.vzeroupper();
    a.ret();
    return a.code();
  }

  private static void take(X64Assembler a) {
    a.vminps(LEAST, Vec.zmm(0), LEAST);
    a.vmaxps(GREATEST, Vec.zmm(0), GREATEST);
    a.vfmadd231ps(SUM, Vec.zmm(0), ZERO);
  }

  private static void fold(X64Assembler a, int what, Vec to, Vec with) {
    switch (what) {
      case 0 -> a.vminps(to, to, with);
      case 1 -> a.vmaxps(to, to, with);
      default -> a.vaddps(to, to, with);
    }
  }

  /** Looks through a run. Addresses and their extents are the caller's to check. */
  static void run(Code page, Frame f, long from, int count, long to) {
    f.set(FROM, from)
        .set(BYTES, 4L * LANES * (Range.positive("count", count) / LANES))
        .set(MASK, (1L << count % LANES) - 1)
        .set(TO, to)
        .call(page);
  }

  @Override
  public @Nullable String fault(Code page) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate(4 * 48, 64);
      MemorySegment to = arena.allocate(RESULT, 64);
      for (int count = 1; count <= 33; count++) {
        for (int spoilt = 0; spoilt < 3; spoilt++) {
          float least = 0;
          float greatest = 0;
          for (int i = 0; i < 48; i++) {
            float value = i * 37 % 48 - 20;
            from.setAtIndex(JAVA_FLOAT, i, value);
            least = i < count ? Math.min(least, value) : least;
            greatest = i < count ? Math.max(greatest, value) : greatest;
          }
          if (spoilt > 0) {
            float bad = spoilt == 1 ? Float.NaN : Float.NEGATIVE_INFINITY;
            from.setAtIndex(JAVA_FLOAT, count / 2, bad);
          }
          run(page, new Frame(), from.address(), count, to.address());
          float sum = to.getAtIndex(JAVA_FLOAT, 8);
          boolean right =
              spoilt > 0
                  ? Float.isNaN(sum)
                  : sum == 0
                      && to.getAtIndex(JAVA_FLOAT, 0) == least
                      && to.getAtIndex(JAVA_FLOAT, 4) == greatest;
          if (!right) {
            return "the range of " + count + " values";
          }
        }
      }
      return null;
    }
  }
}
