package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * The transforms of Winograd's minimal filtering, F(2×2, 3×3) or F(4×4, 3×3): of {@link
 * SquaresCode#CHANNELS} channels at a time, a square of n × n vectors becomes one of m × m, by the
 * same matrix from both sides.
 *
 * <p>The points of F(4×4) are 0, ±2/3, ±3/2 and ∞ (a and 1/a make a²b² one) instead of the usual 0,
 * ±1, ±2 and ∞. With them, and sums of {@link #PART} channels at a time, the error of 512 channels
 * of random numbers is less than that of one plain sum of all products: root mean square 4.0e-7
 * against 5.7e-7 for results of deviation 0.6, the largest 2.1e-6 against 3.7e-6. In one sum it is
 * twice that, and with the usual points twice more.
 *
 * @param size of a tile of the result, 2 or 4
 */
record WinogradCode(VectorLevel level, Step step, int size) implements Generated {
  /** What is transformed. */
  enum Step {
    /** Squares of the map, read by addresses, to squares at equal distances. */
    INPUT,
    /** Filters, at equal distances. */
    FILTER,
    /** Squares of sums to pixels of the result, written by addresses, plus a bias. */
    OUTPUT
  }

  /** Most channels that are summed before the sum is added to the rest: for exactness. */
  static final int PART = 32;

  // Address of the first vector, or of a table of addresses, of what is read; and bytes between
  // the vectors, without meaning for a table.
  private static final int FROM = 0;
  private static final int FROM_STEP = 8;

  // The same of what is written.
  private static final int TO = 16;
  private static final int TO_STEP = 24;

  /** Bytes of channels. */
  private static final int BYTES = 32;

  /** Address of the biases, for the output. */
  private static final int BIAS = 40;

  private static final int CONSTANTS = 48;

  /** Bytes between what is written of {@link SquaresCode#CHANNELS} channels and of the next. */
  private static final int TO_CHANNELS = 56;

  /** Bytes of as many channels. */
  private static final int TURN = Float.BYTES * SquaresCode.CHANNELS;

  private static final double A = 2 / 3.0;
  private static final double B = 3 / 2.0;

  /** The denominators of the filters' rows for the points ±A and ±B. */
  private static final double OVER_A = 1 / (2 * A * A * (A * A - B * B));

  private static final double OVER_B = 1 / (2 * B * B * (B * B - A * A));

  private static final double[] VALUES = {
    A,
    B,
    A * A,
    B * B,
    A * A + B * B,
    A * A * A,
    B * B * B,
    OVER_A,
    A * OVER_A,
    A * A * OVER_A,
    OVER_B,
    B * OVER_B,
    B * B * OVER_B,
    0.5
  };
  private static final int A_1 = 0;
  private static final int B_1 = 1;
  private static final int A_2 = 2;
  private static final int B_2 = 3;
  private static final int SUM_2 = 4;
  private static final int A_3 = 5;
  private static final int B_3 = 6;
  private static final int F_A = 7;
  private static final int F_B = 10;

  /** How many there are from F_A on. */
  private static final int FACTORS = 6;

  private static final int HALF = 13;

  private static final MemorySegment TABLE = constants();

  private static MemorySegment constants() {
    MemorySegment table = Arena.global().allocate((long) TURN * VALUES.length, 64);
    for (int i = 0; i < VALUES.length * SquaresCode.CHANNELS; i++) {
      table.setAtIndex(JAVA_FLOAT, i, (float) VALUES[i / SquaresCode.CHANNELS]);
    }
    return table;
  }

  /** Width of the squares that are multiplied. */
  static int square(int size) {
    return size + 2;
  }

  private int in() {
    return step == Step.FILTER ? 3 : square(size);
  }

  private int out() {
    return step == Step.OUTPUT ? size : square(size);
  }

  /** Factors of filters that stay in registers: memory is busy with what is read and written. */
  private int keptConstants() {
    return level == VectorLevel.AVX512 && step == Step.FILTER && size == 4 ? FACTORS : 0;
  }

  private static Mem constant(int index) {
    return Mem.at(Gpr.R9, TURN * index);
  }

  private int vector() {
    return level.lanes() * Float.BYTES;
  }

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    a.push(Gpr.RBP);
    a.mov(Gpr.RBP, Gpr.RSP);
    a.sub(Gpr.RSP, vector() * in() * out());
    a.and(Gpr.RSP, -64);
    a.mov(Gpr.R9, argument(CONSTANTS));
    a.mov(Gpr.RSI, argument(FROM));
    a.mov(Gpr.R8, argument(FROM_STEP));
    a.mov(Gpr.RDX, argument(TO));
    a.mov(Gpr.R10, argument(TO_STEP));
    a.mov(Gpr.R11, argument(BIAS));
    a.xor(Gpr.RCX, Gpr.RCX);
    for (int i = 0; i < keptConstants(); i++) {
      a.vmovups(level.register(32 - FACTORS + i), constant(F_A + i));
    }
    CodeBuffer.Label turn = a.here();
    for (int at = 0; at < TURN; at += vector()) {
      square(a, at);
    }
    a.add(Gpr.RDX, argument(TO_CHANNELS));
    a.add(Gpr.RCX, TURN);
    a.cmp(Gpr.RCX, argument(BYTES));
    a.jump(Condition.BELOW, turn);
    a.vzeroupper();
    a.mov(Gpr.RSP, Gpr.RBP);
    a.pop(Gpr.RBP);
    a.ret();
    return a.code();
  }

  /** Transforms a vector of each place: rows first, then columns. */
  private void square(X64Assembler a, int at) {
    int n = in();
    int m = out();
    Deque<Vec> free = new ArrayDeque<>();
    for (int i = 0; i < (level == VectorLevel.AVX512 ? 32 - keptConstants() : 16); i++) {
      free.add(level.register(i));
    }
    // Six values and what a line needs besides take eight registers; the rest keep rows.
    int kept = Math.min(n, (free.size() - 8) / m);
    Vec[][] rows = new Vec[n][];
    if (step != Step.INPUT) {
      a.lea(Gpr.RAX, Mem.at(Gpr.RSI, Gpr.RCX, at));
    }
    for (int i = 0; i < n; i++) {
      Vec[] x = new Vec[n];
      for (int j = 0; j < n; j++) {
        x[j] = free.remove();
        load(a, x[j], i * n + j, at);
      }
      Vec[] y = line(a, x, free);
      if (i >= n - kept) {
        rows[i] = y;
      } else {
        for (int j = 0; j < m; j++) {
          a.vmovups(Mem.at(Gpr.RSP, vector() * (i * m + j)), y[j]);
          free.add(y[j]);
        }
      }
    }
    if (step != Step.OUTPUT) {
      a.lea(Gpr.RAX, Mem.at(Gpr.RDX, at));
    }
    for (int j = 0; j < m; j++) {
      Vec[] x = new Vec[n];
      for (int i = 0; i < n; i++) {
        if (i >= n - kept) {
          x[i] = rows[i][j];
        } else {
          x[i] = free.remove();
          a.vmovups(x[i], Mem.at(Gpr.RSP, vector() * (i * m + j)));
        }
      }
      Vec[] y = line(a, x, free);
      for (int i = 0; i < m; i++) {
        store(a, y[i], j * m + i, at);
        free.add(y[i]);
      }
    }
  }

  private void load(X64Assembler a, Vec to, int index, int at) {
    if (step == Step.INPUT) {
      a.mov(Gpr.RAX, Mem.at(Gpr.RSI, Long.BYTES * index));
      a.vmovups(to, Mem.at(Gpr.RAX, Gpr.RCX, at));
    } else {
      a.vmovups(to, Mem.at(Gpr.RAX));
      a.add(Gpr.RAX, Gpr.R8);
    }
  }

  /** Stores vector {@code index} of the square, counted column by column. */
  private void store(X64Assembler a, Vec from, int index, int at) {
    if (step == Step.OUTPUT) {
      a.vaddps(from, from, Mem.at(Gpr.R11, Gpr.RCX, at));
      a.mov(Gpr.RAX, Mem.at(Gpr.RDX, Long.BYTES * index));
      a.vmovups(Mem.at(Gpr.RAX, Gpr.RCX, at), from);
    } else {
      a.vmovups(Mem.at(Gpr.RAX), from);
      a.add(Gpr.RAX, Gpr.R10);
    }
  }

  /**
   * matrix · x, in place.
   *
   * @param x registers of the values; those that hold no result are free afterwards
   * @param free registers that may be used
   * @return registers of the results
   */
  private Vec[] line(X64Assembler a, Vec[] x, Deque<Vec> free) {
    return switch (step) {
      case INPUT -> size == 2 ? smallInputLine(a, x, free) : inputLine(a, x, free);
      case FILTER -> size == 2 ? smallFilterLine(a, x, free) : filterLine(a, x, free);
      case OUTPUT -> size == 2 ? smallOutputLine(a, x, free) : outputLine(a, x, free);
    };
  }

  private static Vec[] smallInputLine(X64Assembler a, Vec[] x, Deque<Vec> free) {
    Vec sum = free.remove();
    a.vsubps(x[0], x[0], x[2]);
    a.vaddps(sum, x[1], x[2]);
    a.vsubps(x[3], x[1], x[3]);
    a.vsubps(x[2], x[2], x[1]);
    free.add(x[1]);
    return new Vec[] {x[0], sum, x[2], x[3]};
  }

  private static Vec[] smallFilterLine(X64Assembler a, Vec[] x, Deque<Vec> free) {
    Vec plus = free.remove();
    Vec minus = free.remove();
    a.vaddps(minus, x[0], x[2]);
    a.vmulps(minus, minus, constant(HALF));
    a.vmovaps(plus, minus);
    a.vfmadd231ps(plus, x[1], constant(HALF));
    a.vfnmadd231ps(minus, x[1], constant(HALF));
    free.add(x[1]);
    return new Vec[] {x[0], plus, minus, x[2]};
  }

  private static Vec[] smallOutputLine(X64Assembler a, Vec[] x, Deque<Vec> free) {
    a.vaddps(x[0], x[0], x[1]);
    a.vaddps(x[0], x[0], x[2]);
    a.vsubps(x[1], x[1], x[2]);
    a.vsubps(x[1], x[1], x[3]);
    free.add(x[2]);
    free.add(x[3]);
    return new Vec[] {x[0], x[1]};
  }

  private static Vec[] inputLine(X64Assembler a, Vec[] x, Deque<Vec> free) {
    Vec even = free.remove(); // of ±A
    Vec odd = free.remove();
    a.vaddps(x[0], x[0], x[4]);
    a.vfnmadd231ps(x[0], x[2], constant(SUM_2));
    a.vaddps(x[5], x[1], x[5]);
    a.vfnmadd231ps(x[5], x[3], constant(SUM_2));
    a.vmovaps(even, x[4]);
    a.vfnmadd231ps(even, x[2], constant(B_2));
    a.vmovaps(odd, x[3]);
    a.vfnmadd231ps(odd, x[1], constant(B_2));
    a.vfnmadd231ps(x[4], x[2], constant(A_2)); // of ±B
    a.vfnmadd231ps(x[3], x[1], constant(A_2));
    a.vmovaps(x[1], even);
    a.vfmadd231ps(x[1], odd, constant(A_1));
    a.vfnmadd231ps(even, odd, constant(A_1));
    a.vmovaps(x[2], x[4]);
    a.vfmadd231ps(x[2], x[3], constant(B_1));
    a.vfnmadd231ps(x[4], x[3], constant(B_1));
    free.add(odd);
    free.add(x[3]);
    return new Vec[] {x[0], x[1], even, x[2], x[4], x[5]};
  }

  private Vec[] filterLine(X64Assembler a, Vec[] x, Deque<Vec> free) {
    Vec[] y = {x[0], free.remove(), free.remove(), free.remove(), free.remove(), x[2]};
    for (int pair = 0; pair < 2; pair++) {
      int first = pair == 0 ? F_A : F_B;
      Vec plus = y[1 + 2 * pair];
      Vec minus = y[2 + 2 * pair];
      if (keptConstants() > 0) {
        int kept = 32 - FACTORS + first - F_A;
        Vec middle = level.register(kept + 1);
        a.vmulps(plus, x[0], level.register(kept));
        a.vfmadd231ps(plus, x[2], level.register(kept + 2));
        a.vmovaps(minus, plus);
        a.vfmadd231ps(plus, x[1], middle);
        a.vfnmadd231ps(minus, x[1], middle);
        continue;
      }
      a.vmulps(plus, x[0], constant(first));
      a.vfmadd231ps(plus, x[2], constant(first + 2));
      a.vmovaps(minus, plus);
      a.vfmadd231ps(plus, x[1], constant(first + 1));
      a.vfnmadd231ps(minus, x[1], constant(first + 1));
    }
    free.add(x[1]);
    return y;
  }

  private static Vec[] outputLine(X64Assembler a, Vec[] x, Deque<Vec> free) {
    Vec p = free.remove();
    Vec r = free.remove();
    Vec q = x[1];
    Vec s = x[3];
    a.vaddps(p, x[1], x[2]);
    a.vsubps(q, x[1], x[2]);
    a.vaddps(r, x[3], x[4]);
    a.vsubps(s, x[3], x[4]);
    a.vaddps(x[0], x[0], p);
    a.vaddps(x[0], x[0], r);
    a.vmulps(x[2], q, constant(A_1));
    a.vfmadd231ps(x[2], s, constant(B_1));
    a.vmulps(x[4], p, constant(A_2));
    a.vfmadd231ps(x[4], r, constant(B_2));
    a.vfmadd231ps(x[5], q, constant(A_3));
    a.vfmadd231ps(x[5], s, constant(B_3));
    free.add(p);
    free.add(r);
    free.add(q);
    free.add(s);
    return new Vec[] {x[0], x[2], x[4], x[5]};
  }

  /**
   * Runs the code; addresses and extents are the caller's to check.
   *
   * @param from address of the first vector, or of a table of addresses for the input
   * @param fromStep bytes from vector to vector; without meaning for a table
   * @param to the same of what is written; a table for the output
   * @param toChannels bytes between what is written of {@link SquaresCode#CHANNELS} channels and of
   *     the next as many; 0 for a table
   * @param bytes of channels, a multiple of those of as many, at least that
   * @param bias address of the biases, for the output
   */
  static void run(
      Code page,
      Frame f,
      long from,
      long fromStep,
      long to,
      long toStep,
      long toChannels,
      int bytes,
      long bias) {
    if (bytes < TURN || bytes % TURN != 0) {
      throw new IllegalArgumentException("bytes of channels: " + bytes);
    }
    f.set(FROM, from)
        .set(FROM_STEP, fromStep)
        .set(TO, to)
        .set(TO_STEP, toStep)
        .set(TO_CHANNELS, toChannels)
        .set(BYTES, bytes)
        .set(BIAS, bias)
        .set(CONSTANTS, TABLE.address())
        .call(page);
  }

  /** The matrix of a transform, row by row. */
  private double[][] matrix() {
    double[] points = size == 2 ? new double[] {0, 1, -1} : new double[] {0, A, -A, B, -B};
    int last = points.length;
    double[][] result = new double[out()][in()];
    for (int j = 0; j <= last; j++) {
      double denominator = 1;
      double[] polynomial = new double[last + 2];
      polynomial[0] = 1;
      for (int l = 0, degree = 0; l < last; l++) {
        if (l == j) {
          continue;
        }
        denominator *= j < last ? points[j] - points[l] : 1;
        degree++;
        for (int d = degree; d >= 0; d--) {
          polynomial[d] = (d > 0 ? polynomial[d - 1] : 0) - points[l] * polynomial[d];
        }
      }
      for (int d = 0; d < Math.max(in(), out()); d++) {
        double power = j < last ? Math.pow(points[j], d) : 0;
        switch (step) {
          case INPUT -> result[j][d] = polynomial[d];
          case FILTER -> {
            if (d < 3) {
              result[j][d] = j < last ? power / denominator : d == 2 ? 1 : 0;
            }
          }
          case OUTPUT -> {
            if (d < size) {
              result[d][j] = j < last ? power : d == size - 1 ? 1 : 0;
            }
          }
        }
      }
    }
    if (size == 2 && step != Step.OUTPUT) {
      // The usual signs: the row of 0 and that of ∞ negated in the input, the former in the filter.
      for (int d = 0; d < in(); d++) {
        result[0][d] = -result[0][d];
        result[3][d] = step == Step.INPUT ? -result[3][d] : result[3][d];
      }
    } else if (size == 2) {
      for (int d = 0; d < size; d++) {
        result[d][3] = -result[d][3];
      }
    }
    return result;
  }

  /** A square of two turns of channels against the matrix, which follows from the points. */
  @Override
  public @Nullable String fault(Code page) {
    int n = in();
    int m = out();
    int channels = 2 * SquaresCode.CHANNELS;
    double[][] matrix = matrix();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate(4L * channels * n * n, 64);
      MemorySegment to = arena.allocate(4L * channels * m * m, 64);
      MemorySegment table = arena.allocate(8L * 36, 64);
      MemorySegment bias = arena.allocate(4L * channels, 64);
      float[] values = Trial.fill(from, 37);
      for (int i = 0; i < channels; i++) {
        bias.setAtIndex(JAVA_FLOAT, i, step == Step.OUTPUT ? i : 0);
      }
      MemorySegment addressed = step == Step.INPUT ? from : to;
      for (int i = 0; i < n * n || i < m * m; i++) {
        int k = step == Step.INPUT ? i : i % m * m + i / m;
        table.setAtIndex(JAVA_LONG, i, addressed.address() + 4L * channels * k);
      }
      run(
          page,
          new Frame(),
          step == Step.INPUT ? table.address() : from.address(),
          4L * channels,
          step == Step.OUTPUT ? table.address() : to.address(),
          4L * channels,
          step == Step.OUTPUT ? 0 : TURN,
          4 * channels,
          bias.address());
      float[] results = to.toArray(JAVA_FLOAT);
      for (int i = 0; i < m * m * channels; i++) {
        int c = i % channels;
        int place = i / channels;
        // What is written at equal distances lies column by column.
        int row = step == Step.OUTPUT ? place / m : place % m;
        int column = step == Step.OUTPUT ? place % m : place / m;
        double expected = step == Step.OUTPUT ? c : 0;
        for (int p = 0; p < n * n; p++) {
          expected += matrix[row][p / n] * values[p * channels + c] * matrix[column][p % n];
        }
        float actual = results[i];
        if (!(Math.abs(actual - expected) <= 1e-5 * (1 + Math.abs(expected)))) {
          return "value " + i + ": " + actual + ", expected " + expected;
        }
      }
      return null;
    }
  }
}
