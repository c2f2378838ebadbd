package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Normalises rows: {@code y = (x − mean) · rstd · gamma + beta}, the statistics being the row's.
 * The variance is taken about the mean, and what rounding left of the mean is taken out of both.
 *
 * @param rounded whether y is bfloat16; AVX-512 only
 */
record RowNormCode(VectorLevel level, boolean rounded) implements Generated {
  private static final int X = 0;
  private static final int Y = 8;
  private static final int ROWS = 16;
  private static final int BYTES = 24;

  /** Bytes of the vectors that are summed in pairs. */
  private static final int PAIRS = 32;

  private static final int GAMMA = 40;
  private static final int BETA = 48;
  private static final int MEAN = 56;
  private static final int RSTD = 64;
  private static final int INVERSE = 72;
  private static final int EPS = 80;

  /** Bytes of a row of y. */
  private static final int Y_ROW = 88;

  RowNormCode(VectorLevel level) {
    this(level, false);
  }

  private Vec register(int i) {
    return level.register(i);
  }

  private int bytes() {
    return Float.BYTES * level.lanes();
  }

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    Vec inverse = register(15);
    Vec eps = register(14);
    Vec one = register(13);
    Vec zero = register(12);
    Vec pivot = register(11);
    Vec rest = register(10);
    Vec rstd = register(9);
    a.vbroadcastss(inverse, argument(INVERSE));
    a.vbroadcastss(eps, argument(EPS));
    level.zero(a, zero);
    a.vdivps(one, inverse, inverse);
    a.mov(Gpr.RSI, argument(X));
    a.mov(Gpr.R11, argument(Y));
    a.mov(Gpr.R8, argument(ROWS));
    a.mov(Gpr.R9, argument(BYTES));
    a.mov(Gpr.RAX, argument(GAMMA));
    a.mov(Gpr.RDX, argument(BETA));
    CodeBuffer.Label row = a.here();
    sums(a, false, pivot);
    fold(a, register(0), register(4));
    a.vmulps(pivot, register(0), inverse);
    sums(a, true, pivot);
    fold(a, register(0), register(4));
    fold(a, register(2), register(4));
    a.vmulps(rest, register(0), inverse);
    a.vmulps(register(2), register(2), inverse);
    a.vfnmadd231ps(register(2), rest, rest);
    a.vmaxps(register(2), zero, register(2)); // NaN stays
    a.vaddps(register(2), register(2), eps);
    a.vsqrtps(register(2), register(2));
    a.vdivps(rstd, one, register(2));
    a.vaddps(register(0), pivot, rest);
    statistic(a, MEAN, register(0));
    statistic(a, RSTD, rstd);
    write(a, pivot, rest, rstd);
    a.add(Gpr.RSI, Gpr.R9);
    a.add(Gpr.R11, argument(Y_ROW));
    a.dec(Gpr.R8);
    a.jump(Condition.NOT_EQUAL, row);
    a.vzeroupper();
    a.ret();
    return a.code();
  }

  /** Stores a row's statistic and goes on to the place of the next row's. */
  private static void statistic(X64Assembler a, int argument, Vec value) {
    a.mov(Gpr.R10, argument(argument));
    a.vmovups(Mem.at(Gpr.R10), Vec.xmm(value.number()));
    a.add(argument(argument), Float.BYTES);
  }

  /** Sums in registers 0 and, of squares, 2. */
  private void sums(X64Assembler a, boolean deviations, Vec pivot) {
    for (int i = 0; i < 4; i++) {
      level.zero(a, register(i));
    }
    CodeBuffer.Label single = a.label();
    CodeBuffer.Label end = a.label();
    a.xor(Gpr.RCX, Gpr.RCX);
    a.cmp(Gpr.RCX, argument(PAIRS));
    a.jump(Condition.ABOVE_OR_EQUAL, single);
    CodeBuffer.Label turn = a.here();
    for (int i = 0; i < 2; i++) {
      take(a, i, deviations, pivot);
    }
    a.add(Gpr.RCX, 2 * bytes());
    a.cmp(Gpr.RCX, argument(PAIRS));
    a.jump(Condition.BELOW, turn);
    a.bind(single);
    a.cmp(Gpr.RCX, Gpr.R9);
    a.jump(Condition.ABOVE_OR_EQUAL, end);
    take(a, 0, deviations, pivot);
    a.bind(end);
    a.vaddps(register(0), register(0), register(1));
    a.vaddps(register(2), register(2), register(3));
  }

  private void take(X64Assembler a, int i, boolean deviations, Vec pivot) {
    Vec v = register(4 + i);
    a.vmovups(v, Mem.at(Gpr.RSI, Gpr.RCX, i * bytes()));
    if (deviations) {
      a.vsubps(v, v, pivot);
      a.vfmadd231ps(register(2 + i), v, v);
    }
    a.vaddps(register(i), register(i), v);
  }

  /** Replaces a vector by its sum, in all lanes. */
  private void fold(X64Assembler a, Vec v, Vec free) {
    Vec x = Vec.xmm(v.number());
    Vec other = Vec.xmm(free.number());
    if (level == VectorLevel.AVX512) {
      a.vextractf64x4(Vec.ymm(free.number()), v, 1);
      a.vaddps(Vec.ymm(v.number()), Vec.ymm(v.number()), Vec.ymm(free.number()));
    }
    a.vextractf128(other, Vec.ymm(v.number()), 1);
    a.vaddps(x, x, other);
    a.vshufps(other, x, x, 0x4E);
    a.vaddps(x, x, other);
    a.vshufps(other, x, x, 0xB1);
    a.vaddps(x, x, other);
    a.vbroadcastss(v, x);
  }

  private void write(X64Assembler a, Vec pivot, Vec rest, Vec rstd) {
    Vec v = register(0);
    a.mov(Gpr.R10, Gpr.R11);
    a.xor(Gpr.RCX, Gpr.RCX);
    CodeBuffer.Label turn = a.here();
    a.vmovups(v, Mem.at(Gpr.RSI, Gpr.RCX, 0));
    a.vsubps(v, v, pivot);
    a.vsubps(v, v, rest);
    a.vmulps(v, v, rstd);
    a.vmovups(register(1), Mem.at(Gpr.RAX, Gpr.RCX, 0));
    a.vfmadd213ps(v, register(1), Mem.at(Gpr.RDX, Gpr.RCX, 0));
    if (rounded) {
      a.vcvtneps2bf16(Vec.ymm(v.number()), v);
      a.vmovups(Mem.at(Gpr.R10), Vec.ymm(v.number()));
    } else {
      a.vmovups(Mem.at(Gpr.R10), v);
    }
    a.add(Gpr.R10, rounded ? bytes() / 2 : bytes());
    a.add(Gpr.RCX, bytes());
    a.cmp(Gpr.RCX, Gpr.R9);
    a.jump(Condition.BELOW, turn);
  }

  /**
   * Normalises rows that lie one behind the other. Addresses and their extents are the caller's to
   * check.
   *
   * @param columns a multiple of the level's lanes
   * @param gamma address of a float for each column, as is beta
   * @param mean address of the rows' means, written with three floats of room behind; rstd likewise
   */
  void run(
      Code page,
      Frame f,
      long x,
      long y,
      int rows,
      int columns,
      long gamma,
      long beta,
      float eps,
      long mean,
      long rstd) {
    if (columns % level.lanes() != 0) {
      throw new IllegalArgumentException("columns: " + columns);
    }
    long bytes = (long) Float.BYTES * Range.positive("columns", columns);
    f.set(X, x)
        .set(Y, y)
        .set(ROWS, Range.positive("rows", rows))
        .set(BYTES, bytes)
        .set(PAIRS, bytes / (2L * bytes()) * (2L * bytes()))
        .set(GAMMA, gamma)
        .set(BETA, beta)
        .set(MEAN, mean)
        .set(RSTD, rstd)
        .set(INVERSE, 1f / columns)
        .set(EPS, eps)
        .set(Y_ROW, rounded ? bytes / 2 : bytes)
        .call(page);
  }

  /** Two rows of one, two and three vectors. */
  @Override
  public @Nullable String fault(Code page) {
    int most = 3 * level.lanes();
    float[] x = new float[4 * most]; // rows, gamma, beta
    for (int i = 0; i < x.length; i++) {
      x[i] = (i * 37 % 101 - 50) / 16f + 10;
    }
    float[] y = new float[2 * most];
    float[] statistics = new float[16];
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(4L * 6 * most + 64, 64);
      long at = memory.address();
      for (int columns = level.lanes(); columns <= most; columns += level.lanes()) {
        MemorySegment.copy(x, 0, memory, JAVA_FLOAT, 0, x.length);
        run(
            page,
            new Frame(),
            at,
            at + 16L * most,
            2,
            columns,
            at + 8L * most,
            at + 12L * most,
            0.01f,
            at + 24L * most,
            at + 24L * most + 32);
        MemorySegment.copy(memory, JAVA_FLOAT, 16L * most, y, 0, y.length);
        MemorySegment.copy(memory, JAVA_FLOAT, 24L * most, statistics, 0, 16);
        for (int row = 0; row < 2; row++) {
          double sum = 0;
          double squares = 0;
          for (int i = 0; i < columns; i++) {
            sum += x[row * columns + i];
          }
          double mean = sum / columns;
          for (int i = 0; i < columns; i++) {
            squares += (x[row * columns + i] - mean) * (x[row * columns + i] - mean);
          }
          double rstd = 1 / Math.sqrt(squares / columns + 0.01);
          for (int i = 0; i < columns; i++) {
            int c = row * columns + i;
            double expected = (x[c] - mean) * rstd * x[2 * most + i] + x[3 * most + i];
            double actual = rounded ? ChannelCode.word(y, c) : y[c];
            double error = (rounded ? 0.005 : 1e-4) * Math.max(1, Math.abs(expected));
            if (!(Math.abs(actual - expected) <= error)) {
              return columns + " columns, value " + c + ": " + actual + ", expected " + expected;
            }
          }
          if (!(Math.abs(statistics[row] - mean) <= 1e-4)
              || !(Math.abs(statistics[8 + row] - rstd) <= 1e-4)) {
            return "the statistics of " + columns + " columns";
          }
        }
      }
    }
    return null;
  }
}
