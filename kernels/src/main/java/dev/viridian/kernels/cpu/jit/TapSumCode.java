package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Adds up what the taps of a kernel make of neighbouring pixels: for pixel after pixel the sum of
 * {@link #LANES} floats at each of some addresses, which then move on by a pixel. Fewer channels
 * are written over by the next pixel's, so that room for so many is needed behind the last.
 */
record TapSumCode() implements Generated {
  /** Floats of a pixel that are read and written. */
  static final int LANES = 8;

  private static final int TABLE = 0;
  private static final int TAPS = 8;
  private static final int FROM_STEP = 16;
  private static final int TO = 24;
  private static final int TO_STEP = 32;
  private static final int PIXELS = 40;
  private static final int BIAS = 48;

  @Override
  public byte[] code() {
    Vec sum = Vec.ymm(0);
    Vec bias = Vec.ymm(1);
    X64Assembler a = new X64Assembler();
    a.mov(Gpr.RAX, argument(BIAS));
    a.vmovups(bias, Mem.at(Gpr.RAX));
    a.mov(Gpr.RSI, argument(TABLE));
    a.mov(Gpr.RDX, argument(TO));
    a.mov(Gpr.R9, argument(PIXELS));
    a.xor(Gpr.RCX, Gpr.RCX);
    CodeBuffer.Label pixel = a.here();
    a.vmovaps(sum, bias);
    a.mov(Gpr.RAX, Gpr.RSI);
    a.mov(Gpr.R10, argument(TAPS));
    CodeBuffer.Label tap = a.here();
    a.mov(Gpr.R8, Mem.at(Gpr.RAX));
    a.vaddps(sum, sum, Mem.at(Gpr.R8, Gpr.RCX, 0));
    a.add(Gpr.RAX, Long.BYTES);
    a.dec(Gpr.R10);
    a.jump(Condition.NOT_EQUAL, tap);
    a.vmovups(Mem.at(Gpr.RDX), sum);
    a.add(Gpr.RDX, argument(TO_STEP));
    a.add(Gpr.RCX, argument(FROM_STEP));
    a.dec(Gpr.R9);
    a.jump(Condition.NOT_EQUAL, pixel);
    a.vzeroupper();
    a.ret();
    return a.code();
  }

  /**
   * Adds up. Addresses and their extents are the caller's to check.
   *
   * @param table address of the addresses of what each tap makes of the first pixel's neighbour
   * @param taps how many, at least 1
   * @param fromStep bytes from there to what it makes of the next pixel's
   * @param to address of the first pixel of the result
   * @param toStep bytes from there to the next
   * @param pixels how many, at least 1
   * @param bias address of what sums begin with
   */
  static void run(
      Code page,
      Frame f,
      long table,
      int taps,
      long fromStep,
      long to,
      long toStep,
      int pixels,
      long bias) {
    f.set(TABLE, table)
        .set(TAPS, Range.positive("taps", taps))
        .set(FROM_STEP, fromStep)
        .set(TO, to)
        .set(TO_STEP, toStep)
        .set(PIXELS, Range.positive("pixels", pixels))
        .set(BIAS, bias)
        .call(page);
  }

  /** Three taps of three pixels of five channels; what lies behind them stays. */
  @Override
  public @Nullable String fault(Code page) {
    int taps = 3;
    int pixels = 3;
    int channels = 5;
    int step = 11;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate(4L * 64, 64);
      MemorySegment to = arena.allocate(4L * 32, 64);
      MemorySegment bias = arena.allocate(4L * LANES, 64);
      MemorySegment table = arena.allocate(8L * taps, 64);
      float[] x = Trial.fill(from, 37);
      float[] start = Trial.fill(bias, 29);
      float[] before = Trial.fill(to, 53);
      for (int t = 0; t < taps; t++) {
        table.setAtIndex(JAVA_LONG, t, from.address() + 4L * (9 * t + 1));
      }
      run(
          page,
          new Frame(),
          table.address(),
          taps,
          4 * step,
          to.address(),
          4 * channels,
          pixels,
          bias.address());
      for (int i = 0; i < before.length; i++) {
        float expected = before[i];
        int pixel = Math.min(pixels - 1, i / channels);
        int lane = i - pixel * channels;
        if (lane < LANES) {
          expected = start[lane];
          for (int t = 0; t < taps; t++) {
            expected += x[9 * t + 1 + pixel * step + lane];
          }
        }
        float actual = to.getAtIndex(JAVA_FLOAT, i);
        if (!(Math.abs(actual - expected) <= 1e-5)) {
          return "value " + i + ": " + actual + ", expected " + expected;
        }
      }
      return null;
    }
  }
}
