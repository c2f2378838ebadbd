package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Passes over rows of a map in which everything that belongs to a channel, a column, is the same in
 * all rows: sums, and normalisation. Column by column of vectors, so that what belongs to the
 * channels stays in registers.
 *
 * @param rounded whether rows are written as bfloat16; AVX-512 only
 */
record ChannelCode(VectorLevel level, Step step, boolean rounded) implements Generated {
  /** What a pass does. */
  enum Step {
    /** {@code sums = Σ x}. */
    SUMS,
    /** {@code sums = Σ (x − mean)} and {@code squares = Σ (x − mean)²}. */
    DEVIATIONS,
    /** {@code y = (x − mean) · scale + shift}. */
    NORMAL,
    /** {@code y = silu((x − mean) · scale + shift)}. */
    NORMAL_SILU;

    boolean writesRows() {
      return this == NORMAL || this == NORMAL_SILU;
    }
  }

  /** Rows whose steps are mixed. */
  private static final int UNROLL = 4;

  private static final int X = 0;
  private static final int Y = 8;
  private static final int ROW = 16;
  private static final int FOURS = 24;
  private static final int REST = 32;
  private static final int BYTES = 40;
  private static final int MEAN = 48;

  /** Of the statistics, where they go; else what rows are multiplied by and what is added. */
  private static final int FIRST = 56;

  private static final int SECOND = 64;

  private static final Gpr FROM = Gpr.RSI;
  private static final Gpr TO = Gpr.R11;
  private static final Gpr DISTANCE = Gpr.RAX;
  private static final Gpr LEFT = Gpr.R8;
  private static final Gpr COLUMN = Gpr.RCX;
  private static final Gpr THREE = Gpr.R10;

  /** Half of {@link #DISTANCE}, and three halves. */
  private static final Gpr HALF = Gpr.RDX;

  private static final Gpr THREE_HALVES = Gpr.RBX;

  ChannelCode(VectorLevel level, Step step) {
    this(level, step, false);
  }

  private Vec value(int i) {
    return level.register(i);
  }

  private Vec sum(int i) {
    return level.register(4 + i);
  }

  private Vec square(int i) {
    return level.register(8 + i);
  }

  private Vec mean() {
    return level.register(12);
  }

  private Vec scale() {
    return level.register(13);
  }

  private Vec shift() {
    return level.register(14);
  }

  private boolean deviates() {
    return step != Step.SUMS;
  }

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    a.push(THREE_HALVES);
    a.mov(DISTANCE, argument(ROW));
    a.lea(THREE, Mem.at(DISTANCE).indexed(DISTANCE, 2));
    a.mov(HALF, DISTANCE);
    a.shr(HALF, 1);
    a.lea(THREE_HALVES, Mem.at(HALF).indexed(HALF, 2));
    a.xor(COLUMN, COLUMN);
    CodeBuffer.Label column = a.here();
    begin(a);
    a.mov(FROM, argument(X));
    a.add(FROM, COLUMN);
    if (step.writesRows()) {
      a.mov(TO, COLUMN);
      if (rounded) {
        a.shr(TO, 1);
      }
      a.add(TO, argument(Y));
    }
    loop(a, FOURS, UNROLL);
    loop(a, REST, 1);
    end(a);
    a.add(COLUMN, Float.BYTES * level.lanes());
    a.cmp(COLUMN, argument(BYTES));
    a.jump(Condition.BELOW, column);
    a.vzeroupper();
    a.pop(THREE_HALVES);
    a.ret();
    return a.code();
  }

  private Mem ofColumn(X64Assembler a, int argument) {
    a.mov(Gpr.R9, argument(argument));
    return Mem.at(Gpr.R9, COLUMN, 0);
  }

  private void begin(X64Assembler a) {
    if (deviates()) {
      a.vmovups(mean(), ofColumn(a, MEAN));
    }
    if (step.writesRows()) {
      a.vmovups(scale(), ofColumn(a, FIRST));
      a.vmovups(shift(), ofColumn(a, SECOND));
      return;
    }
    for (int i = 0; i < UNROLL; i++) {
      level.zero(a, sum(i));
      if (deviates()) {
        level.zero(a, square(i));
      }
    }
  }

  private void end(X64Assembler a) {
    if (step.writesRows()) {
      return;
    }
    total(a, true, FIRST);
    if (deviates()) {
      total(a, false, SECOND);
    }
  }

  private void total(X64Assembler a, boolean sums, int to) {
    Vec[] parts = new Vec[UNROLL];
    for (int i = 0; i < UNROLL; i++) {
      parts[i] = sums ? sum(i) : square(i);
    }
    a.vaddps(parts[0], parts[0], parts[1]);
    a.vaddps(parts[2], parts[2], parts[3]);
    a.vaddps(parts[0], parts[0], parts[2]);
    a.vmovups(ofColumn(a, to), parts[0]);
  }

  private static Mem row(Gpr base, int i) {
    return switch (i) {
      case 0 -> Mem.at(base);
      case 1 -> Mem.at(base, DISTANCE, 0);
      case 2 -> Mem.at(base).indexed(DISTANCE, 2);
      default -> Mem.at(base, THREE, 0);
    };
  }

  private void loop(X64Assembler a, int turns, int rows) {
    CodeBuffer.Label after = a.label();
    a.mov(LEFT, argument(turns));
    a.test(LEFT, LEFT);
    a.jump(Condition.EQUAL, after);
    CodeBuffer.Label turn = a.here();
    for (int i = 0; i < rows; i++) {
      a.vmovups(value(i), row(FROM, i));
    }
    if (deviates()) {
      for (int i = 0; i < rows; i++) {
        a.vsubps(value(i), value(i), mean());
      }
    }
    if (step.writesRows()) {
      write(a, rows);
    } else {
      add(a, rows);
    }
    advance(a, FROM, rows);
    a.dec(LEFT);
    a.jump(Condition.NOT_EQUAL, turn);
    a.bind(after);
  }

  private static void advance(X64Assembler a, Gpr pointer, int rows) {
    a.lea(pointer, rows == 1 ? row(pointer, 1) : Mem.at(pointer).indexed(DISTANCE, UNROLL));
  }

  private void add(X64Assembler a, int rows) {
    for (int i = 0; i < rows; i++) {
      a.vaddps(sum(i), sum(i), value(i));
      if (deviates()) {
        a.vfmadd231ps(square(i), value(i), value(i));
      }
    }
  }

  private void write(X64Assembler a, int rows) {
    Vec[] values = new Vec[rows];
    for (int i = 0; i < rows; i++) {
      values[i] = value(i);
      a.vfmadd213ps(values[i], scale(), shift());
    }
    if (step == Step.NORMAL_SILU) {
      new ActivationCode(a, level, Gpr.R9, UNROLL).apply(Activation.SILU, values);
    }
    for (int i = 0; i < rows; i++) {
      if (rounded) {
        Vec half = Vec.ymm(values[i].number());
        a.vcvtneps2bf16(half, values[i]);
        a.vmovups(rounded(i), half);
      } else {
        a.vmovups(row(TO, i), values[i]);
      }
    }
    if (rounded) {
      a.lea(TO, rows == 1 ? rounded(1) : Mem.at(TO).indexed(DISTANCE, UNROLL / 2));
    } else {
      advance(a, TO, rows);
    }
  }

  private static Mem rounded(int i) {
    return switch (i) {
      case 0 -> Mem.at(TO);
      case 1 -> Mem.at(TO, HALF, 0);
      case 2 -> Mem.at(TO, DISTANCE, 0);
      default -> Mem.at(TO, THREE_HALVES, 0);
    };
  }

  /**
   * Runs a pass. Addresses and their extents are the caller's to check.
   *
   * @param y address of the result's first row, for a step that writes rows
   * @param row bytes from row to row, of y too; of what is rounded half of it
   * @param columns a multiple of the level's lanes
   * @param mean address of the channels' means; anything for {@link Step#SUMS}
   * @param first address of the sums or the scales, a float for each channel
   * @param second address of the squares or the shifts; anything for {@link Step#SUMS}
   */
  void run(
      Code page,
      Frame f,
      long x,
      long y,
      long row,
      int rows,
      int columns,
      long mean,
      long first,
      long second) {
    if (columns % level.lanes() != 0) {
      throw new IllegalArgumentException("columns: " + columns);
    }
    f.set(X, x)
        .set(Y, y)
        .set(ROW, row)
        .set(FOURS, Range.positive("rows", rows) / UNROLL)
        .set(REST, rows % UNROLL)
        .set(BYTES, (long) Float.BYTES * Range.positive("columns", columns))
        .set(MEAN, mean)
        .set(FIRST, first)
        .set(SECOND, second)
        .call(page);
  }

  /** One, four and seven rows of two vectors. */
  @Override
  public @Nullable String fault(Code page) {
    int columns = 2 * level.lanes();
    int ld = 3 * level.lanes();
    float[] x = new float[7 * ld];
    float[] of = new float[3 * ld]; // means, then scales and shifts
    for (int i = 0; i < x.length; i++) {
      x[i] = (i * 37 % 101 - 50) / 16f;
    }
    for (int i = 0; i < of.length; i++) {
      of[i] = (i * 53 % 101 - 50) / 32f;
    }
    float[] y = new float[7 * ld];
    float[] after = new float[3 * ld];
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(4L * 17 * ld, 64);
      long at = memory.address();
      long mean = at + 4L * 14 * ld;
      for (int rows = 1; rows <= 7; rows += 3) {
        MemorySegment.copy(x, 0, memory, JAVA_FLOAT, 0, x.length);
        memory.asSlice(4L * 7 * ld, 4L * 7 * ld).fill((byte) 0);
        MemorySegment.copy(of, 0, memory, JAVA_FLOAT, 4L * 14 * ld, of.length);
        run(
            page,
            new Frame(),
            at,
            at + 4L * 7 * ld,
            4L * ld,
            rows,
            columns,
            mean,
            mean + 4L * ld,
            mean + 8L * ld);
        MemorySegment.copy(memory, JAVA_FLOAT, 4L * 7 * ld, y, 0, y.length);
        MemorySegment.copy(memory, JAVA_FLOAT, 4L * 14 * ld, after, 0, after.length);
        String fault = fault(x, of, y, after, rows, columns, ld);
        if (fault != null) {
          return rows + " rows, " + fault;
        }
      }
    }
    return null;
  }

  private @Nullable String fault(
      float[] x, float[] of, float[] y, float[] after, int rows, int columns, int ld) {
    for (int c = 0; c < ld; c++) {
      double sum = 0;
      double squares = 0;
      for (int i = 0; i < 7; i++) {
        double d = x[i * ld + c] - (deviates() ? of[c] : 0);
        double z = d * of[ld + c] + of[2 * ld + c];
        z = step == Step.NORMAL_SILU ? z / (1 + Math.exp(-z)) : z;
        boolean written = step.writesRows() && c < columns && i < rows;
        double actual = rounded ? word(y, i * ld + c) : y[i * ld + c];
        if (!close(actual, written ? z : 0, rounded ? 0.005 : 1e-5)) {
          return "row " + i + ", column " + c + ": " + actual + ", expected " + z;
        }
        sum += i < rows ? d : 0;
        squares += i < rows ? d * d : 0;
      }
      boolean summed = !step.writesRows() && c < columns;
      if (!close(after[ld + c], summed ? sum : of[ld + c], 1e-5)
          || !close(after[2 * ld + c], summed && deviates() ? squares : of[2 * ld + c], 1e-5)) {
        return "the sums of column " + c;
      }
    }
    return null;
  }

  /** A bfloat16 of two in each float. */
  static double word(float[] y, int i) {
    int bits = Float.floatToRawIntBits(y[i / 2]);
    return Float.intBitsToFloat(i % 2 == 0 ? bits << 16 : bits & 0xFFFF_0000);
  }

  private static boolean close(double actual, double expected, double most) {
    return Math.abs(actual - expected) <= most * Math.max(1, Math.abs(expected));
  }
}
