package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import org.jspecify.annotations.Nullable;

/** Fused multiply-adds that wait for nothing: what the multipliers can do at best. */
record PeakCode(VectorLevel level) implements Generated {
  private static final int TURNS = 0;

  /** As many as hide the latency of the multipliers. */
  private static final int SUMS = 12;

  /** Operations of a turn. */
  double flops() {
    return 2.0 * SUMS * level.lanes();
  }

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    for (int i = 0; i < SUMS + 2; i++) {
      level.zero(a, level.register(i));
    }
    a.mov(Gpr.RCX, argument(TURNS));
    a.align(32);
    CodeBuffer.Label turn = a.here();
    for (int i = 0; i < SUMS; i++) {
      a.vfmadd231ps(level.register(i), level.register(SUMS), level.register(SUMS + 1));
    }
    a.dec(Gpr.RCX);
    a.jump(Condition.NOT_EQUAL, turn);
    a.vzeroupper();
    a.ret();
    return a.code();
  }

  /** Runs some turns. */
  void run(Code page, Frame f, int turns) {
    f.set(TURNS, (long) Range.positive("turns", turns)).call(page);
  }

  @Override
  public @Nullable String fault(Code page) {
    run(page, new Frame(), 3);
    return null; // it has no result
  }
}
