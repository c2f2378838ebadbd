package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/** The generated e^x and 2^x against those of {@link Math}. */
final class ExponentialTest {
  /** One vector: {@code to = e^from}. */
  private static CodePage code(VectorLevel level) {
    X64Assembler a = new X64Assembler();
    Exponential exponential = new Exponential(a, level, Gpr.RCX);
    exponential.prepare();
    a.mov(Gpr.RAX, Frame.argument(0));
    a.mov(Gpr.RDX, Frame.argument(8));
    a.vmovups(level.register(0), Mem.at(Gpr.RAX));
    exponential.apply(Exponential.Lane.of(level, 0));
    a.vmovups(Mem.at(Gpr.RDX), level.register(2));
    a.vzeroupper();
    a.ret();
    return CodePage.of(a.code());
  }

  @Test
  void theErrorIsBelowTwoTenMillionths() {
    VectorLevel best = VectorLevel.best();
    assumeTrue(best != null, "no AVX2 here");
    for (VectorLevel level : VectorLevel.values()) {
      if (level.runsHere()) {
        check(level);
      }
    }
  }

  /** One vector of 2^x in place, with some registers. */
  private static CodePage power(VectorLevel level, int free) {
    X64Assembler a = new X64Assembler();
    a.mov(Gpr.RAX, Frame.argument(0));
    a.mov(Gpr.RDX, Frame.argument(8));
    a.vmovups(level.register(0), Mem.at(Gpr.RAX));
    Vec[] registers = new Vec[free];
    for (int i = 0; i < free; i++) {
      registers[i] = level.register(1 + i);
    }
    new SmallPower(a, Gpr.RCX, registers).apply(level.register(0));
    a.vmovups(Mem.at(Gpr.RDX), level.register(0));
    a.vzeroupper();
    a.ret();
    return CodePage.of(a.code());
  }

  @Test
  void powersOfTwoAreAsGood() {
    assumeTrue(VectorLevel.best() != null, "no AVX2 here");
    for (VectorLevel level : VectorLevel.values()) {
      for (int free = 2; level.runsHere() && free <= 14; free += 4) {
        int lanes = level.lanes();
        try (CodePage page = power(level, free);
            Arena arena = Arena.ofConfined()) {
          MemorySegment from = arena.allocate(4L * lanes, 64);
          MemorySegment to = arena.allocate(4L * lanes, 64);
          Frame f = new Frame().set(0, from.address()).set(8, to.address());
          double worst = 0;
          for (int i = 0; i < 1_000_000; i += lanes) {
            for (int j = 0; j < lanes; j++) {
              from.setAtIndex(JAVA_FLOAT, j, (i + j) * 2.45e-4f - 124.8f);
            }
            f.call(page);
            for (int j = 0; j < lanes; j++) {
              float x = from.getAtIndex(JAVA_FLOAT, j);
              double exact = Math.pow(2, x);
              worst = Math.max(worst, Math.abs(to.getAtIndex(JAVA_FLOAT, j) - exact) / exact);
            }
          }
          assertTrue(worst < 2e-7, "relative error " + worst);
          float[] special = {0f, -0f, -125.1f, -1e30f, Float.NEGATIVE_INFINITY, 10};
          for (float x : special) {
            from.setAtIndex(JAVA_FLOAT, 0, x);
            f.call(page);
            double exact = Math.pow(2, x);
            assertEquals(exact, to.getAtIndex(JAVA_FLOAT, 0), 1e-37 + 4e-7 * exact, "2^" + x);
          }
        }
      }
    }
  }

  /** One vector in place, with some registers. */
  private static CodePage small(VectorLevel level, int free) {
    X64Assembler a = new X64Assembler();
    a.mov(Gpr.RAX, Frame.argument(0));
    a.mov(Gpr.RDX, Frame.argument(8));
    a.vmovups(level.register(0), Mem.at(Gpr.RAX));
    Vec[] registers = new Vec[free];
    for (int i = 0; i < free; i++) {
      registers[i] = level.register(1 + i);
    }
    new SmallExponential(a, Gpr.RCX, registers).apply(level.register(0));
    a.vmovups(Mem.at(Gpr.RDX), level.register(0));
    a.vzeroupper();
    a.ret();
    return CodePage.of(a.code());
  }

  @Test
  void theOneInPlaceIsAsGood() {
    assumeTrue(VectorLevel.best() != null, "no AVX2 here");
    for (VectorLevel level : VectorLevel.values()) {
      for (int free = 3; level.runsHere() && free <= 7; free += 4) {
        int lanes = level.lanes();
        try (CodePage page = small(level, free);
            Arena arena = Arena.ofConfined()) {
          MemorySegment from = arena.allocate(4L * lanes, 64);
          MemorySegment to = arena.allocate(4L * lanes, 64);
          Frame f = new Frame().set(0, from.address()).set(8, to.address());
          double worst = 0;
          for (int i = 0; i < 1_000_000; i += lanes) {
            for (int j = 0; j < lanes; j++) {
              from.setAtIndex(JAVA_FLOAT, j, (i + j) * 1.7e-4f - 86.5f);
            }
            f.call(page);
            for (int j = 0; j < lanes; j++) {
              float x = from.getAtIndex(JAVA_FLOAT, j);
              double exact = Math.exp(x);
              worst = Math.max(worst, Math.abs(to.getAtIndex(JAVA_FLOAT, j) - exact) / exact);
            }
          }
          assertTrue(worst < 2e-7, "relative error " + worst);
          float[] special = {0f, -0f, -86.7f, -1e30f, Float.NEGATIVE_INFINITY, 10};
          for (float x : special) {
            from.setAtIndex(JAVA_FLOAT, 0, x);
            f.call(page);
            double exact = Math.exp(x);
            assertEquals(exact, to.getAtIndex(JAVA_FLOAT, 0), 1e-37 + 4e-7 * exact, "e^" + x);
          }
        }
      }
    }
  }

  private static void check(VectorLevel level) {
    int lanes = level.lanes();
    try (CodePage page = code(level);
        Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate(4L * lanes, 64);
      MemorySegment to = arena.allocate(4L * lanes, 64);
      Frame f = new Frame().set(0, from.address()).set(8, to.address());
      double worst = 0;
      for (int i = 0; i < 1_000_000; i += lanes) {
        for (int j = 0; j < lanes; j++) {
          from.setAtIndex(JAVA_FLOAT, j, (i + j) * -8.7e-5f);
        }
        f.call(page);
        for (int j = 0; j < lanes; j++) {
          float x = from.getAtIndex(JAVA_FLOAT, j);
          double exact = Math.exp(x);
          float actual = to.getAtIndex(JAVA_FLOAT, j);
          worst = Math.max(worst, Math.abs(actual - exact) / exact);
        }
      }
      assertTrue(worst < 2e-7, "relative error " + worst);
      float[] special = {0f, -0f, -88f, -1e30f, Float.NEGATIVE_INFINITY, Float.NaN};
      float[] expected = {1, 1, 0, 0, 0, Float.NaN};
      for (int i = 0; i < special.length; i++) {
        from.setAtIndex(JAVA_FLOAT, 0, special[i]);
        f.call(page);
        assertEquals(expected[i], to.getAtIndex(JAVA_FLOAT, 0), "e^" + special[i]);
      }
    }
  }
}
