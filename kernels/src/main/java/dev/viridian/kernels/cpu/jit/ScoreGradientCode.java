package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The gradients of a block of scores: with the probability {@code P = e^(s − lse)}, the gradient of
 * s is {@code P (dP − D + g e)}; lse, D and g belong to the query and e to the key.
 *
 * <p>Rows of queries: the gradients take the scores' place. Rows of keys ({@code turned}): they
 * take the place of dP, and the scores become probabilities.
 */
record ScoreGradientCode(VectorLevel level, boolean turned) implements Generated {
  /** Bytes of the numbers of a row: lse, D and g of a query, or e of a key. */
  static final int ROW_NUMBERS = 16;

  private static final int SCORES = 0;
  private static final int SCORES_ROW = 8;
  private static final int GRADIENTS = 16;
  private static final int GRADIENTS_ROW = 24;
  private static final int BYTES = 32;
  private static final int ROWS = 40;
  private static final int OF_ROWS = 48;
  private static final int OF_COLUMNS = 56;
  private static final int OF_COLUMNS_STEP = 64;

  private int bytes() {
    return level.lanes() * Float.BYTES;
  }

  private Vec v(int number) {
    return level.register(number);
  }

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    a.push(Gpr.RBX);
    a.mov(Gpr.RAX, argument(SCORES));
    a.mov(Gpr.RDX, argument(GRADIENTS));
    a.mov(Gpr.RSI, argument(OF_ROWS));
    a.mov(Gpr.R8, argument(OF_COLUMNS)); // e of keys; or lse, D and g of queries
    a.mov(Gpr.RBX, argument(OF_COLUMNS_STEP));
    a.lea(Gpr.R9, Mem.at(Gpr.R8, Gpr.RBX, 0));
    a.lea(Gpr.R10, Mem.at(Gpr.R9, Gpr.RBX, 0));
    a.mov(Gpr.R11, argument(BYTES));
    Exponential exponential = new Exponential(a, level, Gpr.RBX);
    exponential.prepare();
    CodeBuffer.Label row = a.here();
    for (int i = 0; i < (turned ? 1 : 3); i++) {
      a.vbroadcastss(v(3 + i), Mem.at(Gpr.RSI, Float.BYTES * i));
    }
    a.xor(Gpr.RCX, Gpr.RCX);
    a.align(32);
    CodeBuffer.Label turn = a.here();
    Mem score = Mem.at(Gpr.RAX, Gpr.RCX, 0);
    Mem gradient = Mem.at(Gpr.RDX, Gpr.RCX, 0);
    a.vmovups(v(0), score);
    if (turned) {
      a.vsubps(v(0), v(0), Mem.at(Gpr.R8, Gpr.RCX, 0));
    } else {
      a.vsubps(v(0), v(0), v(3));
    }
    exponential.apply(Exponential.Lane.of(level, 0));
    a.vmovups(v(0), gradient);
    if (turned) {
      a.vmovups(score, v(2));
      a.vsubps(v(0), v(0), Mem.at(Gpr.R9, Gpr.RCX, 0));
      a.vfmadd231ps(v(0), v(3), Mem.at(Gpr.R10, Gpr.RCX, 0));
    } else {
      a.vsubps(v(0), v(0), v(4));
      a.vfmadd231ps(v(0), v(5), Mem.at(Gpr.R8, Gpr.RCX, 0));
    }
    a.vmulps(v(0), v(0), v(2));
    a.vmovups(turned ? gradient : score, v(0));
    a.add(Gpr.RCX, bytes());
    a.cmp(Gpr.RCX, Gpr.R11);
    a.jump(Condition.BELOW, turn);
    a.add(Gpr.RAX, argument(SCORES_ROW));
    a.add(Gpr.RDX, argument(GRADIENTS_ROW));
    a.add(Gpr.RSI, ROW_NUMBERS);
    a.dec(argument(ROWS));
    a.jump(Condition.NOT_EQUAL, row);
    a.vzeroupper();
    a.pop(Gpr.RBX);
    a.ret();
    return a.code();
  }

  /**
   * Computes gradients of rows of {@code columns} scores, in whole vectors. Addresses and their
   * extents are the caller's to check.
   *
   * @param gradients address of rows of dP
   * @param ofRows address of the rows' numbers, {@link #ROW_NUMBERS} bytes each
   * @param ofColumns address of the columns' e; or of their lse, D and g, {@code step} bytes apart
   */
  void run(
      Code page,
      Frame f,
      long scores,
      long scoresRow,
      long gradients,
      long gradientsRow,
      int columns,
      long ofRows,
      long ofColumns,
      long step,
      int rows) {
    int vectors = Math.ceilDiv(Range.positive("columns", columns), level.lanes());
    f.set(SCORES, scores)
        .set(SCORES_ROW, scoresRow)
        .set(GRADIENTS, gradients)
        .set(GRADIENTS_ROW, gradientsRow)
        .set(BYTES, (long) vectors * bytes())
        .set(OF_ROWS, ofRows)
        .set(OF_COLUMNS, ofColumns)
        .set(OF_COLUMNS_STEP, step)
        .set(ROWS, Range.positive("rows", rows))
        .call(page);
  }

  /** Three rows of three vectors. */
  @Override
  public @Nullable String fault(Code page) {
    int rows = 3;
    int columns = 3 * level.lanes();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment scores = arena.allocate(4L * rows * columns, 64);
      MemorySegment gradients = arena.allocate(4L * rows * columns, 64);
      MemorySegment ofRows = arena.allocate((long) ROW_NUMBERS * rows, 64);
      MemorySegment ofColumns = arena.allocate(4L * 3 * columns, 64);
      for (int i = 0; i < rows * columns; i++) {
        scores.setAtIndex(JAVA_FLOAT, i, -(i * 29 % 83) / 4f);
        gradients.setAtIndex(JAVA_FLOAT, i, (i * 31 % 59 - 30) / 8f);
        ofColumns.setAtIndex(JAVA_FLOAT, i, i % 7 / 4f);
      }
      for (int i = 0; i < 4 * rows; i++) {
        ofRows.setAtIndex(JAVA_FLOAT, i, i / 8f);
      }
      double[] expected = new double[2 * rows * columns];
      for (int i = 0; i < rows * columns; i++) {
        double[] row = new double[3];
        double[] column = new double[3];
        for (int j = 0; j < 3; j++) {
          row[j] = ofRows.getAtIndex(JAVA_FLOAT, 4L * (i / columns) + j);
          column[j] = ofColumns.getAtIndex(JAVA_FLOAT, (long) columns * j + i % columns);
        }
        double[] query = turned ? column : row;
        double key = turned ? row[0] : column[0];
        double p = Math.exp(scores.getAtIndex(JAVA_FLOAT, i) - query[0]);
        double dp = gradients.getAtIndex(JAVA_FLOAT, i);
        double gradient = p * (dp - query[1] + query[2] * key);
        expected[i] = turned ? p : gradient;
        expected[rows * columns + i] = turned ? gradient : dp;
      }
      run(
          page,
          new Frame(),
          scores.address(),
          4L * columns,
          gradients.address(),
          4L * columns,
          columns,
          ofRows.address(),
          ofColumns.address(),
          4L * columns,
          rows);
      for (int i = 0; i < expected.length; i++) {
        int at = i % (rows * columns);
        float actual = (i == at ? scores : gradients).getAtIndex(JAVA_FLOAT, at);
        if (!(Math.abs(actual - expected[i]) <= 2e-6 * Math.max(1, Math.abs(expected[i])))) {
          return "value " + i + " is " + actual + ", expected " + expected[i];
        }
      }
      return null;
    }
  }
}
