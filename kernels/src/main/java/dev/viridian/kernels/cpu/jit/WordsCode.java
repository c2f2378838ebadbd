package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Rows of floats become half as many rows of words: two bfloat16, of a row and of the next, as
 * {@link PanelStepCode} does it for rows of 32.
 */
record WordsCode() implements Generated {
  private static final int FROM = 0;
  private static final int TO = 8;
  private static final int BYTES = 16;
  private static final int PAIRS = 24;

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    Vec low = Vec.zmm(0);
    Vec high = Vec.zmm(1);
    a.mov(Gpr.RAX, argument(FROM));
    a.mov(Gpr.RDX, argument(TO));
    a.mov(Gpr.R8, argument(BYTES));
    a.mov(Gpr.R9, argument(PAIRS));
    CodeBuffer.Label pair = a.here();
    a.lea(Gpr.RSI, Mem.at(Gpr.RAX, Gpr.R8, 0));
    a.xor(Gpr.RCX, Gpr.RCX);
    CodeBuffer.Label turn = a.here();
    a.vmovups(low, Mem.at(Gpr.RAX, Gpr.RCX, 0));
    a.vmovups(high, Mem.at(Gpr.RSI, Gpr.RCX, 0));
    a.vcvtneps2bf16(Vec.ymm(0), low);
    a.vcvtneps2bf16(Vec.ymm(1), high);
    a.vpmovzxwd(low, Vec.ymm(0));
    a.vpmovzxwd(high, Vec.ymm(1));
    a.vpslld(high, high, 16);
    a.vpord(low, low, high);
    a.vmovups(Mem.at(Gpr.RDX, Gpr.RCX, 0), low);
    a.add(Gpr.RCX, 64);
    a.cmp(Gpr.RCX, Gpr.R8);
    a.jump(Condition.BELOW, turn);
    a.lea(Gpr.RAX, Mem.at(Gpr.RSI, Gpr.R8, 0));
    a.lea(Gpr.RDX, Mem.at(Gpr.RDX, Gpr.R8, 0));
    a.dec(Gpr.R9);
    a.jump(Condition.NOT_EQUAL, pair);
    a.vzeroupper();
    a.ret();
    return a.code();
  }

  /**
   * Does some pairs of rows. Addresses and their extents are the caller's to check.
   *
   * @param width floats of a row, and words of one: a multiple of 16
   */
  static void run(Code page, Frame f, long from, long to, int width, int pairs) {
    if (width < 16 || width % 16 != 0) {
      throw new IllegalArgumentException("width: " + width);
    }
    f.set(FROM, from)
        .set(TO, to)
        .set(BYTES, 4L * width)
        .set(PAIRS, (long) Range.positive("pairs", pairs))
        .call(page);
  }

  @Override
  public @Nullable String fault(Code page) {
    try (Arena arena = Arena.ofConfined()) {
      for (int width = 16; width <= 48; width += 16) {
        MemorySegment from = arena.allocate(4L * 6 * width, 64);
        MemorySegment to = arena.allocate(4L * 3 * width, 64);
        for (int i = 0; i < 6 * width; i++) {
          from.setAtIndex(JAVA_FLOAT, i, (i * 37 % 101 - 50) * 1.0137f);
        }
        run(page, new Frame(), from.address(), to.address(), width, 3);
        for (int i = 0; i < 6 * width; i++) {
          long value = 2L * (i / width / 2 * width + i % width) + i / width % 2;
          short expected = Numbers.floatToBf16(from.getAtIndex(JAVA_FLOAT, i));
          if (to.getAtIndex(JAVA_SHORT, value) != expected) {
            return "row " + i / width + " of " + width + ", column " + i % width;
          }
        }
      }
      return null;
    }
  }
}
