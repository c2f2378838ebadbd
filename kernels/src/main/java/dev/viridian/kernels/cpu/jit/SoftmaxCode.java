package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Turns rows of scores with a block of keys into weights: scores s become e^(s − m), with m the
 * largest of the row so far. The sums of what came before, relative to a lesser m, are scaled down.
 *
 * <p>The state of a row is three vectors: m in all lanes, the sum of weights and the sum of weights
 * times the columns' (both lane by lane). It begins as {@link #NONE} and zeros; scores below that
 * count as hidden, so that a row without any visible key needs no case of its own.
 *
 * @param columns whether there are column weights
 */
record SoftmaxCode(VectorLevel level, boolean columns) implements Generated {
  /** The largest score where there has been none. */
  static final float NONE = -1e38f;

  /** Vectors in the state of a row. */
  static final int STATE_VECTORS = 3;

  private static final int SCORES = 0;
  private static final int SCORES_ROW = 8;
  private static final int END_OF_FOURS = 16;
  private static final int END = 24;
  private static final int TAIL = 32;
  private static final int STATE = 40;
  private static final int SUMS = 48;
  private static final int SUMS_ROW = 56;
  private static final int SUMS_BYTES = 64;
  private static final int WEIGHTS = 72;
  private static final int ROWS = 80;
  private static final int ROWS_LEFT = 88;

  /** Most lanes of a vector. A mask of n lanes begins as many before the end of ones. */
  private static final int MOST_LANES = 16;

  /** Bytes from the mask of what stays to what the other lanes become: −∞. */
  private static final int HIDDEN = 4 * 2 * MOST_LANES;

  private static final MemorySegment TAILS = tails();

  private static MemorySegment tails() {
    MemorySegment tails = Arena.global().allocate(2 * HIDDEN, 64);
    for (int i = 0; i < MOST_LANES; i++) {
      tails.setAtIndex(JAVA_INT, i, -1);
      tails.set(JAVA_FLOAT, HIDDEN + 4L * (MOST_LANES + i), Float.NEGATIVE_INFINITY);
    }
    return tails;
  }

  private int bytes() {
    return level.lanes() * Float.BYTES;
  }

  /** Code for {@code count} vectors from rcx on. */
  private interface Body {
    void of(int count);
  }

  /** Vectors in a turn of a loop, whose steps are mixed. */
  private static final int UNROLL = 4;

  /** Goes over a row by vectors. */
  private void sweep(X64Assembler a, Body body) {
    a.xor(Gpr.RCX, Gpr.RCX);
    for (int unroll = UNROLL; unroll >= 1; unroll -= UNROLL - 1) {
      CodeBuffer.Label done = a.label();
      int end = unroll == UNROLL ? END_OF_FOURS : END;
      a.cmp(Gpr.RCX, argument(end));
      a.jump(Condition.ABOVE_OR_EQUAL, done);
      a.align(32);
      CodeBuffer.Label turn = a.here();
      body.of(unroll);
      a.add(Gpr.RCX, unroll * bytes());
      a.cmp(Gpr.RCX, argument(end));
      a.jump(Condition.BELOW, turn);
      a.bind(done);
    }
  }

  /** Vector {@code i} of a turn, of the row that a register points to. */
  private Mem vector(Gpr row, int i) {
    return Mem.at(row, Gpr.RCX, i * bytes());
  }

  private Vec v(int number) {
    return level.register(number);
  }

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    Exponential exponential = new Exponential(a, level, Gpr.RSI);
    Vec sum = v(12);
    exponential.prepare();
    a.mov(Gpr.R8, argument(SUMS));
    a.mov(Gpr.R9, argument(WEIGHTS));
    a.mov(Gpr.R10, argument(TAIL));
    a.mov(Gpr.R11, argument(SUMS_BYTES));
    rows(
        a,
        () -> {
          hideTail(a);
          newLargest(a, exponential);
          a.add(Gpr.R8, argument(SUMS_ROW));
        });
    rows(
        a,
        () -> {
          a.vmovups(sum, Mem.at(Gpr.RDX, bytes()));
          sweep(a, count -> weights(a, exponential, sum, count));
          a.vmovups(Mem.at(Gpr.RDX, bytes()), sum);
          if (columns) {
            weighColumns(a);
          }
        });
    a.vzeroupper();
    a.ret();
    return a.code();
  }

  /**
   * Goes over all rows. What waits for the largest score of a row, and for the end of its sums, is
   * in a loop of its own: so the processor can work on the next row meanwhile.
   */
  private void rows(X64Assembler a, Runnable body) {
    a.mov(Gpr.RAX, argument(SCORES));
    a.mov(Gpr.RDX, argument(STATE));
    a.mov(Gpr.RCX, argument(ROWS));
    a.mov(argument(ROWS_LEFT), Gpr.RCX);
    CodeBuffer.Label row = a.here();
    body.run();
    a.add(Gpr.RAX, argument(SCORES_ROW));
    a.add(Gpr.RDX, STATE_VECTORS * bytes());
    a.dec(argument(ROWS_LEFT));
    a.jump(Condition.NOT_EQUAL, row);
  }

  /** Enters the largest score into the state and makes all sums relative to it. */
  private void newLargest(X64Assembler a, Exponential exponential) {
    Vec max = v(3);
    largest(a, max);
    Exponential.Lane change = Exponential.Lane.of(level, 0);
    a.vmovups(change.x(), Mem.at(Gpr.RDX));
    a.vmaxps(max, max, change.x());
    a.vmovups(Mem.at(Gpr.RDX), max);
    a.vsubps(change.x(), change.x(), max);
    exponential.apply(change);
    Vec factor = change.result();
    for (int i = 1; i <= (columns ? 2 : 1); i++) {
      a.vmulps(v(0), factor, Mem.at(Gpr.RDX, i * bytes()));
      a.vmovups(Mem.at(Gpr.RDX, i * bytes()), v(0));
    }
    rescale(a, factor);
  }

  /** Adds a row's weights times the columns'. */
  private void weighColumns(X64Assembler a) {
    a.vmovups(v(0), Mem.at(Gpr.RDX, 2 * bytes()));
    sweep(
        a,
        count -> {
          for (int i = 0; i < count; i++) {
            a.vmovups(v(1), vector(Gpr.RAX, i));
            a.vfmadd231ps(v(0), v(1), vector(Gpr.R9, i));
          }
        });
    a.vmovups(Mem.at(Gpr.RDX, 2 * bytes()), v(0));
  }

  /** Some vectors of scores become weights, and are summed. */
  private void weights(X64Assembler a, Exponential exponential, Vec sum, int count) {
    Exponential.Lane[] lanes = new Exponential.Lane[count];
    for (int i = 0; i < count; i++) {
      lanes[i] = Exponential.Lane.of(level, 3 * i);
      a.vmovups(lanes[i].x(), vector(Gpr.RAX, i));
      a.vsubps(lanes[i].x(), lanes[i].x(), Mem.at(Gpr.RDX));
    }
    exponential.apply(lanes);
    for (int i = 0; i < count; i++) {
      a.vmovups(vector(Gpr.RAX, i), lanes[i].result());
      a.vaddps(sum, sum, lanes[i].result());
    }
  }

  /** Makes the lanes of the last vector that no key belongs to −∞. */
  private void hideTail(X64Assembler a) {
    a.mov(Gpr.RCX, argument(END));
    Mem last = Mem.at(Gpr.RAX, Gpr.RCX, -bytes());
    a.vmovups(v(0), last);
    if (level == VectorLevel.AVX512) {
      a.vpandd(v(0), v(0), Mem.at(Gpr.R10));
      a.vpord(v(0), v(0), Mem.at(Gpr.R10, HIDDEN));
    } else {
      a.vandps(v(0), v(0), Mem.at(Gpr.R10));
      a.vorps(v(0), v(0), Mem.at(Gpr.R10, HIDDEN));
    }
    a.vmovups(last, v(0));
  }

  /** The largest score of a row, in all lanes. */
  private void largest(X64Assembler a, Vec max) {
    for (int i = 0; i < 4; i++) {
      a.vmovups(v(i), Mem.at(Gpr.RAX));
    }
    sweep(
        a,
        count -> {
          for (int i = 0; i < count; i++) {
            a.vmaxps(v(i), v(i), vector(Gpr.RAX, i));
          }
        });
    a.vmaxps(v(0), v(0), v(1));
    a.vmaxps(v(2), v(2), v(3));
    a.vmaxps(max, v(0), v(2)); // v0 is free from here on
    if (level == VectorLevel.AVX512) {
      a.vshuff32x4(v(0), max, max, 0x4E);
      a.vmaxps(max, max, v(0));
      a.vshuff32x4(v(0), max, max, 0xB1);
    } else {
      a.vperm2f128(v(0), max, max, 0x01);
    }
    a.vmaxps(max, max, v(0));
    a.vshufps(v(0), max, max, 0x4E);
    a.vmaxps(max, max, v(0));
    a.vshufps(v(0), max, max, 0xB1);
    a.vmaxps(max, max, v(0));
  }

  private void rescale(X64Assembler a, Vec factor) {
    CodeBuffer.Label done = a.label();
    a.xor(Gpr.RCX, Gpr.RCX);
    a.cmp(Gpr.RCX, Gpr.R11);
    a.jump(Condition.ABOVE_OR_EQUAL, done);
    CodeBuffer.Label turn = a.here();
    a.vmulps(v(0), factor, Mem.at(Gpr.R8, Gpr.RCX, 0));
    a.vmovups(Mem.at(Gpr.R8, Gpr.RCX, 0), v(0));
    a.add(Gpr.RCX, bytes());
    a.cmp(Gpr.RCX, Gpr.R11);
    a.jump(Condition.BELOW, turn);
    a.bind(done);
  }

  /**
   * Turns rows of scores into weights. Addresses and their extents are the caller's to check.
   *
   * @param scores address of rows of {@code keys} scores, to be written in whole vectors
   * @param state address of the rows' states
   * @param sums address of the rows' sums of values so far, {@code sumsVectors} vectors each; 0 if
   *     there are none yet
   * @param weights address of the columns' weights, readable in whole vectors
   */
  void run(
      Code page,
      Frame f,
      long scores,
      long scoresRow,
      int keys,
      long state,
      long sums,
      long sumsRow,
      int sumsVectors,
      long weights,
      int rows) {
    int vectors = Math.ceilDiv(Range.positive("keys", keys), level.lanes());
    f.set(SCORES, scores)
        .set(SCORES_ROW, scoresRow)
        .set(END_OF_FOURS, (long) vectors / 4 * 4 * bytes())
        .set(END, (long) vectors * bytes())
        .set(TAIL, TAILS.address() + 4L * (MOST_LANES - 1 - (keys - 1) % level.lanes()))
        .set(STATE, state)
        .set(SUMS, sums)
        .set(SUMS_ROW, sumsRow)
        .set(SUMS_BYTES, (long) sumsVectors * bytes())
        .set(WEIGHTS, weights)
        .set(ROWS, Range.positive("rows", rows))
        .call(page);
  }

  /** Three rows of numbers of keys up to six vectors, with every tail, in two blocks. */
  @Override
  public @Nullable String fault(Code page) {
    int lanes = level.lanes();
    int most = 6 * lanes;
    int rows = 3;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment scores = arena.allocate(4L * rows * most, 64);
      MemorySegment weights = arena.allocate(4L * most, 64);
      MemorySegment state = arena.allocate(4L * rows * STATE_VECTORS * lanes, 64);
      MemorySegment sums = arena.allocate(4L * rows * lanes, 64);
      for (int keys = 1; keys <= most; keys += 5) {
        double[][] expected = new double[rows][5]; // largest, sum, column, sums, block
        for (int i = 0; i < rows; i++) {
          for (int j = 0; j < STATE_VECTORS * lanes; j++) {
            float value = j < lanes ? NONE : 0f;
            state.setAtIndex(JAVA_FLOAT, (long) i * STATE_VECTORS * lanes + j, value);
          }
          expected[i][0] = NONE;
        }
        sums.fill((byte) 0);
        for (int block = 0; block < 2; block++) {
          for (int j = 0; j < rows * most; j++) {
            float score = j % most < keys ? (j * 29 % 83 - 40 + 9 * block) / 4f : 1000;
            scores.setAtIndex(JAVA_FLOAT, j, score);
            weights.setAtIndex(JAVA_FLOAT, j % most, j % most / 8f);
          }
          for (int i = 0; i < rows; i++) {
            expect(expected[i], scores, (long) i * most, keys, weights);
          }
          run(
              page,
              new Frame(),
              scores.address(),
              4L * most,
              keys,
              state.address(),
              sums.address(),
              4L * lanes,
              1,
              weights.address(),
              rows);
          for (int i = 0; i < rows; i++) {
            String fault = compare(expected[i], scores, i, keys, most, state, sums);
            if (fault != null) {
              return keys + " keys, block " + block + ", row " + i + ": " + fault;
            }
            for (int j = 0; j < lanes; j++) {
              sums.setAtIndex(JAVA_FLOAT, (long) i * lanes + j, (float) expected[i][3]);
            }
          }
        }
      }
      return null;
    }
  }

  /** Takes a block into what is expected of a row; {@code sums} are those of values of 1. */
  private static void expect(
      double[] row, MemorySegment scores, long at, int keys, MemorySegment weights) {
    double max = row[0];
    for (int j = 0; j < keys; j++) {
      max = Math.max(max, scores.getAtIndex(JAVA_FLOAT, at + j));
    }
    double factor = Math.exp(row[0] - max);
    row[0] = max;
    row[1] *= factor;
    row[2] *= factor;
    row[3] *= factor;
    row[4] = 0;
    for (int j = 0; j < keys; j++) {
      double weight = Math.exp(scores.getAtIndex(JAVA_FLOAT, at + j) - max);
      row[1] += weight;
      row[4] += weight;
      row[2] += weight * weights.getAtIndex(JAVA_FLOAT, j);
    }
  }

  private @Nullable String compare(
      double[] expected,
      MemorySegment scores,
      int row,
      int keys,
      int most,
      MemorySegment state,
      MemorySegment sums) {
    int lanes = level.lanes();
    double[] actual = new double[5];
    long at = (long) row * STATE_VECTORS * lanes;
    actual[0] = state.getAtIndex(JAVA_FLOAT, at);
    for (int j = 0; j < lanes; j++) {
      actual[1] += state.getAtIndex(JAVA_FLOAT, at + lanes + j);
      actual[2] += state.getAtIndex(JAVA_FLOAT, at + 2L * lanes + j);
    }
    actual[3] = sums.getAtIndex(JAVA_FLOAT, (long) row * lanes);
    for (int j = 0; j < keys; j++) {
      actual[4] += scores.getAtIndex(JAVA_FLOAT, (long) row * most + j);
    }
    for (int i = 0; i < actual.length; i++) {
      boolean counts = columns || i != 2;
      if (counts && !(Math.abs(actual[i] - expected[i]) <= 2e-6 * Math.abs(expected[i]))) {
        return "number " + i + " is " + actual[i] + ", expected " + expected[i];
      }
    }
    expected[3] += 1;
    return null;
  }
}
