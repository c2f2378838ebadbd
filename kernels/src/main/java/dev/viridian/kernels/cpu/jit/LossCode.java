package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Adds the squares of a run of numbers, and those of what is left of them when whole steps are
 * taken away: {@code all[i] += x²} and {@code lost[i] += (x − step · round(x / step))²} with {@code
 * x = unit · from[i]}.
 *
 * @param type F32, F16 or BF16
 */
record LossCode(DType type) implements Generated {
  /** Numbers in a turn of the loop; a run is of whole turns. */
  static final int LANES = 16;

  private static final int FROM = 0;
  private static final int LOST = 8;
  private static final int ALL = 16;
  private static final int COUNT = 24;
  private static final int UNIT = 32;
  private static final int INVERSE = 40;
  private static final int STEP = 48;

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    a.mov(Gpr.RAX, argument(FROM));
    a.mov(Gpr.RDX, argument(LOST));
    a.mov(Gpr.R8, argument(ALL));
    a.mov(Gpr.RCX, argument(COUNT));
    Vec unit = Vec.zmm(16);
    Vec inverse = Vec.zmm(17);
    Vec step = Vec.zmm(18);
    a.vbroadcastss(unit, argument(UNIT));
    a.vbroadcastss(inverse, argument(INVERSE));
    a.vbroadcastss(step, argument(STEP));
    Vec value = Vec.zmm(0);
    Vec rest = Vec.zmm(1);
    Vec sum = Vec.zmm(2);
    CodeBuffer.Label turn = a.here();
    switch (type) {
      case F32 -> a.vmovups(value, Mem.at(Gpr.RAX, 0));
      case F16 -> a.vcvtph2ps(value, Mem.at(Gpr.RAX, 0));
      case BF16 -> {
        a.vpmovzxwd(value, Mem.at(Gpr.RAX, 0));
        a.vpslld(value, value, 16);
      }
      case I32, I64, U8 -> throw new IllegalStateException(toString());
    }
    a.vmulps(value, value, unit);
    a.vmulps(rest, value, inverse);
    a.vcvtps2dq(rest, rest);
    a.vcvtdq2ps(rest, rest);
    a.vfnmadd213ps(rest, step, value);
    add(a, sum, rest, Gpr.RDX);
    add(a, sum, value, Gpr.R8);
    a.add(Gpr.RAX, LANES * type.bytes());
    a.add(Gpr.RDX, LANES * 4);
    a.add(Gpr.R8, LANES * 4);
    a.dec(Gpr.RCX);
    a.jump(Condition.NOT_EQUAL, turn);
    a.vzeroupper();
    a.ret();
    return a.code();
  }

  private static void add(X64Assembler a, Vec sum, Vec of, Gpr to) {
    a.vmovups(sum, Mem.at(to, 0));
    a.vfmadd231ps(sum, of, of);
    a.vmovups(Mem.at(to, 0), sum);
  }

  /**
   * Takes a run. Addresses and their extents are the caller's to check.
   *
   * @param turns of {@link #LANES}, 1 or more
   */
  void run(Code page, Frame f, long from, int turns, float unit, float step, long lost, long all) {
    f.set(FROM, from)
        .set(LOST, lost)
        .set(ALL, all)
        .set(COUNT, (long) Range.positive("turns", turns))
        .set(UNIT, unit)
        .set(INVERSE, step == 0 ? 0f : 1 / step)
        .set(STEP, step)
        .call(page);
  }

  @Override
  public @Nullable String fault(Code page) {
    int count = 3 * LANES;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate((long) type.bytes() * count, 64);
      MemorySegment lost = arena.allocate(4L * count, 64);
      MemorySegment all = arena.allocate(4L * count, 64);
      for (int i = 0; i < count; i++) {
        float value = (i * 37 % 101 - 50) * 0.8137f;
        switch (type) {
          case F32 -> from.set(Numbers.FLOAT, 4L * i, value);
          case F16 -> from.set(Numbers.SHORT, 2L * i, Float.floatToFloat16(value));
          case BF16 -> from.set(Numbers.SHORT, 2L * i, Numbers.floatToBf16(value));
          case I32, I64, U8 -> throw new IllegalStateException(toString());
        }
        lost.setAtIndex(JAVA_FLOAT, i, i);
        all.setAtIndex(JAVA_FLOAT, i, 2 * i);
      }
      float step = 0.75f;
      run(page, new Frame(), from.address(), 3, 0.5f, step, lost.address(), all.address());
      for (int i = 0; i < count; i++) {
        double value = 0.5 * Numbers.get(from, type, i);
        double rest = value - step * Math.rint(value / step);
        double wrong = Math.abs(lost.getAtIndex(JAVA_FLOAT, i) - i - rest * rest);
        wrong += Math.abs(all.getAtIndex(JAVA_FLOAT, i) - 2 * i - value * value);
        if (!(wrong < 1e-3)) {
          return "number " + i;
        }
      }
      return null;
    }
  }
}
