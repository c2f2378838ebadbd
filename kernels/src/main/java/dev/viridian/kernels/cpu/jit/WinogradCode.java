package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The transforms of Winograd's minimal filtering, F(2×2, 3×3) or F(4×4, 3×3): of eight channels at
 * a time, a square of n × n vectors becomes one of m × m, by the same matrix from both sides.
 *
 * <p>The points of F(4×4) are 0, ±2/3, ±3/2 and ∞ (a and 1/a make a²b² one) instead of the usual 0,
 * ±1, ±2 and ∞. With them, and sums of {@link #PART} channels at a time, the error of 512 channels
 * of random numbers is less than that of one plain sum of all products: root mean square 4.0e-7
 * against 5.7e-7 for results of deviation 0.6, the largest 2.1e-6 against 3.7e-6. In one sum it is
 * twice that, and with the usual points twice more.
 *
 * @param size of a tile of the result, 2 or 4
 */
record WinogradCode(Step step, int size) implements Generated {
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

  /** Address of the first vector, or of a table of addresses, of what is read. */
  static final int FROM = 0;

  /** Bytes between the vectors that are read; without meaning for a table. */
  static final int FROM_STEP = 8;

  /** The same of what is written. */
  static final int TO = 16;

  static final int TO_STEP = 24;

  /** Bytes of channels, a multiple of 32, at least that. */
  static final int BYTES = 32;

  /** Address of the biases, for the output. */
  static final int BIAS = 40;

  private static final int CONSTANTS = 48;
  private static final int VECTOR = 32;
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
  private static final int HALF = 13;

  private static final MemorySegment TABLE = constants();

  private static MemorySegment constants() {
    MemorySegment table = Arena.global().allocate((long) VECTOR * VALUES.length, 64);
    for (int i = 0; i < VALUES.length * 8; i++) {
      table.setAtIndex(JAVA_FLOAT, i, (float) VALUES[i / 8]);
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

  private static Mem constant(int index) {
    return Mem.at(Gpr.R9, VECTOR * index);
  }

  private static Vec x(int i) {
    return Vec.ymm(i);
  }

  private static Vec y(int i) {
    return Vec.ymm(8 + i);
  }

  @Override
  public byte[] code() {
    int n = in();
    int m = out();
    X64Assembler a = new X64Assembler();
    a.push(Gpr.RBP);
    a.mov(Gpr.RBP, Gpr.RSP);
    a.sub(Gpr.RSP, VECTOR * n * m);
    a.and(Gpr.RSP, -64);
    a.mov(Gpr.R9, argument(CONSTANTS));
    a.mov(Gpr.RSI, argument(FROM));
    a.mov(Gpr.R8, argument(FROM_STEP));
    a.mov(Gpr.RDX, argument(TO));
    a.mov(Gpr.R10, argument(TO_STEP));
    a.mov(Gpr.R11, argument(BIAS));
    a.xor(Gpr.RCX, Gpr.RCX);
    CodeBuffer.Label turn = a.here();
    if (step != Step.INPUT) {
      a.lea(Gpr.RAX, Mem.at(Gpr.RSI, Gpr.RCX, 0));
    }
    for (int i = 0; i < n; i++) { // rows
      for (int j = 0; j < n; j++) {
        load(a, x(j), i * n + j);
      }
      line(a);
      for (int j = 0; j < m; j++) {
        a.vmovups(Mem.at(Gpr.RSP, VECTOR * (i * m + j)), y(j));
      }
    }
    if (step != Step.OUTPUT) {
      a.lea(Gpr.RAX, Mem.at(Gpr.RDX, Gpr.RCX, 0));
    }
    for (int j = 0; j < m; j++) { // columns
      for (int i = 0; i < n; i++) {
        a.vmovups(x(i), Mem.at(Gpr.RSP, VECTOR * (i * m + j)));
      }
      line(a);
      for (int i = 0; i < m; i++) {
        store(a, y(i), j * m + i);
      }
    }
    a.add(Gpr.RCX, VECTOR);
    a.cmp(Gpr.RCX, argument(BYTES));
    a.jump(Condition.BELOW, turn);
    a.vzeroupper();
    a.mov(Gpr.RSP, Gpr.RBP);
    a.pop(Gpr.RBP);
    a.ret();
    return a.code();
  }

  private void load(X64Assembler a, Vec to, int index) {
    if (step == Step.INPUT) {
      a.mov(Gpr.RAX, Mem.at(Gpr.RSI, Long.BYTES * index));
      a.vmovups(to, Mem.at(Gpr.RAX, Gpr.RCX, 0));
    } else {
      a.vmovups(to, Mem.at(Gpr.RAX));
      a.add(Gpr.RAX, Gpr.R8);
    }
  }

  /** Stores vector {@code index} of the square, counted column by column. */
  private void store(X64Assembler a, Vec from, int index) {
    if (step == Step.OUTPUT) {
      a.vaddps(from, from, Mem.at(Gpr.R11, Gpr.RCX, 0));
      a.mov(Gpr.RAX, Mem.at(Gpr.RDX, Long.BYTES * index));
      a.vmovups(Mem.at(Gpr.RAX, Gpr.RCX, 0), from);
    } else {
      a.vmovups(Mem.at(Gpr.RAX), from);
      a.add(Gpr.RAX, Gpr.R10);
    }
  }

  /** y = matrix · x. */
  private void line(X64Assembler a) {
    switch (step) {
      case INPUT -> {
        if (size == 2) {
          a.vsubps(y(0), x(0), x(2));
          a.vaddps(y(1), x(1), x(2));
          a.vsubps(y(2), x(2), x(1));
          a.vsubps(y(3), x(1), x(3));
        } else {
          inputLine(a);
        }
      }
      case FILTER -> filterLine(a);
      case OUTPUT -> outputLine(a);
    }
  }

  /** {@code a = even + c·odd, b = even − c·odd}, where a holds the even part and b the odd one. */
  private static void plusMinus(X64Assembler a, Vec plus, Vec minus, Mem factor) {
    Vec even = Vec.ymm(7);
    a.vmovaps(even, plus);
    a.vfmadd231ps(plus, minus, factor);
    a.vfnmadd132ps(minus, even, factor);
  }

  private static void inputLine(X64Assembler a) {
    a.vaddps(y(0), x(0), x(4));
    a.vfnmadd231ps(y(0), x(2), constant(SUM_2));
    for (int pair = 0; pair < 2; pair++) { // ±A, ±B
      int other = pair == 0 ? B_2 : A_2;
      a.vmovaps(y(1 + 2 * pair), x(4));
      a.vfnmadd231ps(y(1 + 2 * pair), x(2), constant(other));
      a.vmovaps(y(2 + 2 * pair), x(3));
      a.vfnmadd231ps(y(2 + 2 * pair), x(1), constant(other));
      plusMinus(a, y(1 + 2 * pair), y(2 + 2 * pair), constant(pair == 0 ? A_1 : B_1));
    }
    a.vaddps(y(5), x(1), x(5));
    a.vfnmadd231ps(y(5), x(3), constant(SUM_2));
  }

  private void filterLine(X64Assembler a) {
    a.vmovaps(y(0), x(0));
    if (size == 2) {
      a.vaddps(y(1), x(0), x(2));
      a.vmulps(y(1), y(1), constant(HALF));
      a.vmovaps(y(2), x(1));
      plusMinus(a, y(1), y(2), constant(HALF));
      a.vmovaps(y(3), x(2));
      return;
    }
    for (int pair = 0; pair < 2; pair++) {
      int first = pair == 0 ? F_A : F_B;
      a.vmulps(y(1 + 2 * pair), x(0), constant(first));
      a.vfmadd231ps(y(1 + 2 * pair), x(2), constant(first + 2));
      a.vmovaps(y(2 + 2 * pair), x(1));
      plusMinus(a, y(1 + 2 * pair), y(2 + 2 * pair), constant(first + 1));
    }
    a.vmovaps(y(5), x(2));
  }

  private void outputLine(X64Assembler a) {
    if (size == 2) {
      a.vaddps(y(0), x(0), x(1));
      a.vaddps(y(0), y(0), x(2));
      a.vsubps(y(1), x(1), x(2));
      a.vsubps(y(1), y(1), x(3));
      return;
    }
    Vec p = x(6);
    Vec q = x(7);
    Vec r = y(4);
    Vec s = y(5);
    a.vaddps(p, x(1), x(2));
    a.vsubps(q, x(1), x(2));
    a.vaddps(r, x(3), x(4));
    a.vsubps(s, x(3), x(4));
    a.vaddps(y(0), x(0), p);
    a.vaddps(y(0), y(0), r);
    a.vmulps(y(1), q, constant(A_1));
    a.vfmadd231ps(y(1), s, constant(B_1));
    a.vmulps(y(2), p, constant(A_2));
    a.vfmadd231ps(y(2), r, constant(B_2));
    a.vmovaps(y(3), x(5));
    a.vfmadd231ps(y(3), q, constant(A_3));
    a.vfmadd231ps(y(3), s, constant(B_3));
  }

  /** Runs the code; addresses and extents are the caller's to check. */
  static void run(
      Code page, Frame f, long from, long fromStep, long to, long toStep, int bytes, long bias) {
    if (bytes < VECTOR || bytes % VECTOR != 0) {
      throw new IllegalArgumentException("bytes of channels: " + bytes);
    }
    f.set(FROM, from)
        .set(FROM_STEP, fromStep)
        .set(TO, to)
        .set(TO_STEP, toStep)
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

  /** A square of sixteen channels against the matrix, which follows from the points. */
  @Override
  public @Nullable String fault(Code page) {
    int n = in();
    int m = out();
    int channels = 16;
    double[][] matrix = matrix();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate(4L * channels * n * n, 64);
      MemorySegment to = arena.allocate(4L * channels * m * m, 64);
      MemorySegment table = arena.allocate(8L * 36, 64);
      MemorySegment bias = arena.allocate(4L * channels, 64);
      for (int i = 0; i < channels * n * n; i++) {
        from.setAtIndex(JAVA_FLOAT, i, (i * 37 % 101 - 50) / 64f);
      }
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
          4 * channels,
          bias.address());
      for (int i = 0; i < m * m * channels; i++) {
        int c = i % channels;
        int place = i / channels;
        // What is written at equal distances lies column by column.
        int row = step == Step.OUTPUT ? place / m : place % m;
        int column = step == Step.OUTPUT ? place % m : place / m;
        double expected = bias.getAtIndex(JAVA_FLOAT, c);
        for (int p = 0; p < n * n; p++) {
          double value = from.getAtIndex(JAVA_FLOAT, (long) p * channels + c);
          expected += matrix[row][p / n] * value * matrix[column][p % n];
        }
        float actual = to.getAtIndex(JAVA_FLOAT, i);
        if (!(Math.abs(actual - expected) <= 1e-5 * (1 + Math.abs(expected)))) {
          return "value " + i + ": " + actual + ", expected " + expected;
        }
      }
      return null;
    }
  }
}
