package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Copies a run of floats as bfloat16, or as bytes: {@code round(x · inverse) + zero}, at most 255.
 */
record NarrowCode(DotType type) implements Generated {
  private static final int LANES = 16;
  private static final int FROM = 0;
  private static final int TO = 8;
  private static final int BYTES = 16;
  private static final int MASK_IN = 24;
  private static final int MASK_OUT = 32;
  private static final int INVERSE = 40;
  private static final int ZERO = 44;

  private static final Mask IN = new Mask(1);
  private static final Mask OUT = new Mask(2);

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    a.mov(Gpr.RAX, argument(MASK_IN));
    a.kmovw(IN, Gpr.RAX);
    a.mov(Gpr.RSI, argument(MASK_OUT));
    a.kmovw(OUT, Gpr.RSI);
    a.vbroadcastss(Vec.zmm(2), argument(INVERSE));
    a.vbroadcastss(Vec.zmm(3), argument(ZERO));
    a.mov(Gpr.RAX, argument(FROM));
    a.mov(Gpr.RDX, argument(TO));
    a.mov(Gpr.R9, argument(BYTES));
    CodeBuffer.Label tail = a.label();
    CodeBuffer.Label end = a.label();
    a.xor(Gpr.RCX, Gpr.RCX);
    a.cmp(Gpr.RCX, Gpr.R9);
    a.jump(Condition.ABOVE_OR_EQUAL, tail);
    CodeBuffer.Label turn = a.here();
    a.vmovups(Vec.zmm(0), Mem.at(Gpr.RAX, Gpr.RCX, 0));
    put(a, Mem.at(Gpr.RDX));
    a.add(Gpr.RDX, LANES * type.bytes());
    a.add(Gpr.RCX, 4 * LANES);
    a.cmp(Gpr.RCX, Gpr.R9);
    a.jump(Condition.BELOW, turn);
    a.bind(tail);
    a.cmp(Gpr.RSI, 0);
    a.jump(Condition.EQUAL, end);
    a.vmovups(Vec.zmm(0).zeroing(IN), Mem.at(Gpr.RAX, Gpr.RCX, 0));
    put(a, Mem.at(Gpr.RDX).masked(OUT));
    a.bind(end);
    a.vzeroupper();
    a.ret();
    return a.code();
  }

  private void put(X64Assembler a, Mem to) {
    if (type == DotType.BF16) {
      a.vcvtneps2bf16(Vec.ymm(0), Vec.zmm(0));
      a.vmovdqu16(to, Vec.ymm(0));
    } else {
      a.vmulps(Vec.zmm(0), Vec.zmm(0), Vec.zmm(2));
      a.vcvtps2dq(Vec.zmm(0), Vec.zmm(0));
      a.vpaddd(Vec.zmm(0), Vec.zmm(0), Vec.zmm(3));
      a.vpmovusdb(to, Vec.zmm(0));
    }
  }

  /**
   * Copies a run. Addresses and their extents are the caller's to check.
   *
   * @param count floats, 1 or more
   * @param filled values to write: {@code count}, or up to 3 more, which become 0 (as a byte: the
   *     zero point), all within the same sixteen
   */
  void run(Code page, Frame f, long from, long to, int count, int filled, float inverse, int zero) {
    int whole = Range.positive("count", count) / LANES;
    int rest = filled - whole * LANES;
    if (filled < count || rest > LANES) {
      throw new IllegalArgumentException(filled + " values of " + count);
    }
    f.set(FROM, from)
        .set(TO, to)
        .set(BYTES, 4L * LANES * whole)
        .set(MASK_IN, (1L << count % LANES) - 1)
        .set(MASK_OUT, (1L << rest) - 1)
        .set(INVERSE, inverse)
        .set(ZERO, Float.intBitsToFloat(zero))
        .call(page);
  }

  /** Once for each number of lanes in the tail; what lies behind stays. */
  @Override
  public @Nullable String fault(Code page) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate(4 * 48, 64);
      MemorySegment to = arena.allocate(2 * 64, 64);
      for (int i = 0; i < 48; i++) {
        from.setAtIndex(JAVA_FLOAT, i, (i * 37 % 48 - 10) * 1.0137f);
      }
      for (int count = 1; count <= 33; count++) {
        int filled = (count + 1) / 2 * 2;
        to.fill((byte) 77);
        run(page, new Frame(), from.address(), to.address(), count, filled, 5.6f, 57);
        for (int i = 0; i < 40; i++) {
          float x = i < count ? from.getAtIndex(JAVA_FLOAT, i) : 0;
          int expected;
          int actual;
          if (type == DotType.BF16) {
            expected = i < filled ? Numbers.floatToBf16(x) : 77 * 257;
            actual = to.getAtIndex(JAVA_SHORT, i);
          } else {
            expected = i < filled ? Math.min(255, (int) Math.rint(x * 5.6f) + 57) : 77;
            actual = to.get(JAVA_BYTE, i) & 255;
          }
          if (actual != expected) {
            return count + " values, value " + i + ": " + actual + ", expected " + expected;
          }
        }
      }
      return null;
    }
  }
}
