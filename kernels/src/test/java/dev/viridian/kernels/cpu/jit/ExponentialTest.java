package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.BiConsumer;
import java.util.function.DoubleUnaryOperator;
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

  /** One vector in place; the steps are appended by {@code function} with some registers. */
  private static CodePage inPlace(
      VectorLevel level, int free, BiConsumer<X64Assembler, Vec[]> function) {
    X64Assembler a = new X64Assembler();
    a.mov(Gpr.RAX, Frame.argument(0));
    a.mov(Gpr.RDX, Frame.argument(8));
    a.vmovups(level.register(0), Mem.at(Gpr.RAX));
    Vec[] registers = new Vec[free];
    for (int i = 0; i < free; i++) {
      registers[i] = level.register(1 + i);
    }
    function.accept(a, registers);
    a.vmovups(Mem.at(Gpr.RDX), level.register(0));
    a.vzeroupper();
    a.ret();
    return CodePage.of(a.code());
  }

  @Test
  void powersOfTwoAreAsGood() {
    assumeTrue(VectorLevel.best() != null, "no AVX2 here");
    float[] special = {0f, -0f, -125.1f, -1e30f, Float.NEGATIVE_INFINITY, 10};
    for (VectorLevel level : VectorLevel.values()) {
      for (int free = 2; level.runsHere() && free <= 14; free += 4) {
        try (CodePage page =
            inPlace(
                level, free, (a, r) -> new SmallPower(a, Gpr.RCX, r).apply(level.register(0)))) {
          check(page, level, 2.45e-4f, -124.8f, x -> Math.pow(2, x));
          checkSpecial(page, level, special, x -> Math.pow(2, x));
        }
      }
    }
  }

  @Test
  void theOneInPlaceIsAsGood() {
    assumeTrue(VectorLevel.best() != null, "no AVX2 here");
    float[] special = {0f, -0f, -86.7f, -1e30f, Float.NEGATIVE_INFINITY, 10};
    for (VectorLevel level : VectorLevel.values()) {
      for (int free = 3; level.runsHere() && free <= 7; free += 4) {
        try (CodePage page =
            inPlace(
                level,
                free,
                (a, r) -> new SmallExponential(a, Gpr.RCX, r).apply(level.register(0)))) {
          check(page, level, 1.7e-4f, -86.5f, Math::exp);
          checkSpecial(page, level, special, Math::exp);
        }
      }
    }
  }

  /** A million numbers, {@code step} apart. */
  private static void check(
      CodePage page, VectorLevel level, float step, float first, DoubleUnaryOperator exact) {
    int lanes = level.lanes();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate(4L * lanes, 64);
      MemorySegment to = arena.allocate(4L * lanes, 64);
      Frame f = new Frame().set(0, from.address()).set(8, to.address());
      double worst = 0;
      for (int i = 0; i < 1_000_000; i += lanes) {
        for (int j = 0; j < lanes; j++) {
          from.setAtIndex(JAVA_FLOAT, j, (i + j) * step + first);
        }
        f.call(page);
        for (int j = 0; j < lanes; j++) {
          double expected = exact.applyAsDouble(from.getAtIndex(JAVA_FLOAT, j));
          double error = Math.abs(to.getAtIndex(JAVA_FLOAT, j) - expected) / expected;
          worst = Math.max(worst, error);
        }
      }
      assertTrue(worst < 2e-7, "relative error " + worst);
    }
  }

  private static void checkSpecial(
      CodePage page, VectorLevel level, float[] special, DoubleUnaryOperator exact) {
    for (float x : special) {
      double expected = exact.applyAsDouble(x);
      assertEquals(expected, value(page, level, x), 1e-37 + 4e-7 * expected, "of " + x);
    }
  }

  private static float value(CodePage page, VectorLevel level, float x) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate(4L * level.lanes(), 64);
      MemorySegment to = arena.allocate(4L * level.lanes(), 64);
      from.setAtIndex(JAVA_FLOAT, 0, x);
      new Frame().set(0, from.address()).set(8, to.address()).call(page);
      return to.getAtIndex(JAVA_FLOAT, 0);
    }
  }

  private static void check(VectorLevel level) {
    try (CodePage page = code(level)) {
      check(page, level, -8.7e-5f, 0, Math::exp);
      float[] special = {0f, -0f, -88f, -1e30f, Float.NEGATIVE_INFINITY, Float.NaN};
      float[] expected = {1, 1, 0, 0, 0, Float.NaN};
      for (int i = 0; i < special.length; i++) {
        assertEquals(expected[i], value(page, level, special[i]), "e^" + special[i]);
      }
    }
  }
}
