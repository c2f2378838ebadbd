package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/**
 * A function of each number, or each pair of numbers, of some rows; rows are whole vectors.
 *
 * @param repeatsA whether a has one number for all of a row; b likewise
 */
record RunCode(VectorLevel level, Function function, boolean repeatsA, boolean repeatsB)
    implements Generated {
  /** What is computed; p and q are the same for all. */
  enum Function {
    /** a · sigmoid(a). */
    SILU,
    /** a · Φ(a). */
    GELU,
    /** a · sigmoid(1.702 a). */
    QUICK_GELU,
    /** 1 / (1 + e^−a). */
    SIGMOID,
    /** p · a + q, the product rounded. */
    AFFINE,
    /** a + b. */
    ADD,
    /** a − b. */
    SUB,
    /** a · b. */
    MUL,
    /** a / b. */
    DIV,
    /** a + p · b, the product rounded. */
    ADD_SCALED,
    /** a · gelu(b). */
    GEGLU;

    boolean ofPairs() {
      return compareTo(ADD) >= 0;
    }
  }

  private static final int A = 0;
  private static final int A_ROW = 8;
  private static final int B = 16;
  private static final int B_ROW = 24;
  private static final int Y = 32;
  private static final int Y_ROW = 40;
  private static final int ROWS = 48;
  private static final int BYTES = 56;
  private static final int P = 64;
  private static final int Q = 72;

  RunCode(VectorLevel level, Function function) {
    this(level, function, false, false);
  }

  /** That of an activation. */
  static Function of(Activation activation) {
    return switch (activation) {
      case NONE -> throw new IllegalArgumentException("nothing to compute");
      case SILU -> Function.SILU;
      case GELU -> Function.GELU;
      case QUICK_GELU -> Function.QUICK_GELU;
    };
  }

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    Vec p = level.register(3);
    Vec q = level.register(4);
    a.vbroadcastss(p, argument(P));
    a.vbroadcastss(q, argument(Q));
    a.mov(Gpr.RAX, argument(A));
    a.mov(Gpr.RDX, argument(B));
    a.mov(Gpr.RSI, argument(Y));
    a.mov(Gpr.R8, argument(ROWS));
    a.mov(Gpr.R9, argument(BYTES));
    CodeBuffer.Label row = a.here();
    if (repeatsA) {
      a.vbroadcastss(level.register(1), Mem.at(Gpr.RAX));
    }
    if (repeatsB) {
      a.vbroadcastss(level.register(2), Mem.at(Gpr.RDX));
    }
    a.xor(Gpr.RCX, Gpr.RCX);
    CodeBuffer.Label turn = a.here();
    value(a, p, q);
    a.vmovups(Mem.at(Gpr.RSI, Gpr.RCX, 0), level.register(0));
    a.add(Gpr.RCX, Float.BYTES * level.lanes());
    a.cmp(Gpr.RCX, Gpr.R9);
    a.jump(Condition.BELOW, turn);
    a.add(Gpr.RAX, argument(A_ROW));
    a.add(Gpr.RDX, argument(B_ROW));
    a.add(Gpr.RSI, argument(Y_ROW));
    a.dec(Gpr.R8);
    a.jump(Condition.NOT_EQUAL, row);
    a.vzeroupper();
    a.ret();
    return a.code();
  }

  /** Leaves the next vector in the first register. */
  private void value(X64Assembler a, Vec p, Vec q) {
    Vec x = level.register(0);
    Vec y = level.register(5);
    ActivationCode activations = new ActivationCode(a, level, Gpr.R10, 6);
    load(a, x, repeatsA, 1, Gpr.RAX);
    if (function.ofPairs()) {
      load(a, y, repeatsB, 2, Gpr.RDX);
    }
    switch (function) {
      case SILU -> activations.apply(Activation.SILU, x);
      case GELU -> activations.apply(Activation.GELU, x);
      case QUICK_GELU -> activations.apply(Activation.QUICK_GELU, x);
      case SIGMOID -> activations.sigmoid(x);
      case AFFINE -> {
        a.vmulps(x, x, p);
        a.vaddps(x, x, q);
      }
      case ADD -> a.vaddps(x, x, y);
      case SUB -> a.vsubps(x, x, y);
      case MUL -> a.vmulps(x, x, y);
      case DIV -> a.vdivps(x, x, y);
      case ADD_SCALED -> {
        a.vmulps(y, y, p);
        a.vaddps(x, x, y);
      }
      case GEGLU -> {
        activations.apply(Activation.GELU, y);
        a.vmulps(x, x, y);
      }
    }
  }

  private void load(X64Assembler a, Vec to, boolean repeats, int number, Gpr from) {
    if (repeats) {
      a.vmovaps(to, level.register(number));
    } else {
      a.vmovups(to, Mem.at(from, Gpr.RCX, 0));
    }
  }

  /**
   * Enters an operand. Addresses and their extents are the caller's to check, here and below.
   *
   * @param row bytes from row to row
   */
  static Frame a(Frame f, long address, long row) {
    return f.set(A, address).set(A_ROW, row);
  }

  /** Enters the other operand; anything where there is none. */
  static Frame b(Frame f, long address, long row) {
    return f.set(B, address).set(B_ROW, row);
  }

  /**
   * Computes rows, after {@link #a} and {@link #b}.
   *
   * @param columns a multiple of the level's lanes
   */
  void run(Code page, Frame f, long y, long row, int rows, int columns, float p, float q) {
    if (columns % level.lanes() != 0) {
      throw new IllegalArgumentException("columns: " + columns);
    }
    f.set(Y, y)
        .set(Y_ROW, row)
        .set(ROWS, Range.positive("rows", rows))
        .set(BYTES, (long) Float.BYTES * Range.positive("columns", columns))
        .set(P, p)
        .set(Q, q)
        .call(page);
  }

  /**
   * Computes rows of any length. What is less than a vector goes by way of memory of the thread's
   * own, since code works on whole ones.
   *
   * @param a the first operand; one number of each row if it {@link #repeatsA repeats}
   * @param b the other one likewise, anything where there is none
   * @param y may be a or b
   */
  void apply(
      Code page,
      NativeRows a,
      NativeRows b,
      NativeRows y,
      int rows,
      int columns,
      float p,
      float q) {
    int rest = columns % level.lanes();
    int whole = columns - rest;
    if (whole > 0) {
      Frame f = NativeScratch.frame();
      a(f, a.address(rows, bytes(repeatsA, whole)), a.step());
      b(f, b.address(rows, bytes(repeatsB, whole)), b.step());
      run(page, f, y.address(rows, bytes(false, whole)), y.step(), rows, whole, p, q);
    }
    for (int row = 0; row < rows && rest > 0; row++) {
      NativeRows restA = a.from(row).shifted(repeatsA ? 0 : bytes(false, whole));
      NativeRows restB = b.from(row).shifted(repeatsB ? 0 : bytes(false, whole));
      rest(page, restA, restB, y.from(row).shifted(bytes(false, whole)), rest, p, q);
    }
  }

  private static long bytes(boolean repeats, int columns) {
    return Float.BYTES * (repeats ? 1L : columns);
  }

  private void rest(
      Code page, NativeRows a, NativeRows b, NativeRows y, int count, float p, float q) {
    long vector = bytes(false, level.lanes());
    MemorySegment own = NativeScratch.get(NativeScratch.Part.TAIL, 3 * vector);
    MemorySegment.copy(a.memory(), a.at(), own, 0, bytes(repeatsA, count));
    if (function.ofPairs()) {
      MemorySegment.copy(b.memory(), b.at(), own, vector, bytes(repeatsB, count));
    }
    long at = own.address();
    Frame f = NativeScratch.frame();
    b(a(f, at, 0), at + vector, 0);
    run(page, f, at + 2 * vector, 0, 1, level.lanes(), p, q);
    MemorySegment.copy(own, 2 * vector, y.memory(), y.at(), bytes(false, count));
    Reference.reachabilityFence(own);
  }

  private double expected(double a, double b, float p, float q) {
    return switch (function) {
      case SILU -> a / (1 + Math.exp(-a));
      case GELU -> gelu(a);
      case QUICK_GELU -> a / (1 + Math.exp(-1.702 * a));
      case SIGMOID -> 1 / (1 + Math.exp(-a));
      case AFFINE -> p * a + q;
      case ADD -> a + b;
      case SUB -> a - b;
      case MUL -> a * b;
      case DIV -> a / b;
      case ADD_SCALED -> a + p * b;
      case GEGLU -> a * gelu(b);
    };
  }

  /** By the series of the error function, which is good enough where |x| is below 4. */
  static double gelu(double x) {
    double z = x * Math.sqrt(0.5);
    double term = z;
    double sum = z;
    for (int n = 1; n < 60; n++) {
      term *= -z * z / n;
      sum += term / (2 * n + 1);
    }
    return 0.5 * x * (1 + 2 / Math.sqrt(Math.PI) * sum);
  }

  /** Two rows of three vectors, four behind each other; what lies behind stays. */
  @Override
  public @Nullable String fault(Code page) {
    int columns = 3 * level.lanes();
    int ld = 4 * level.lanes();
    float[] as = new float[2 * ld];
    float[] bs = new float[2 * ld];
    float[] ys = new float[2 * ld];
    for (int i = 0; i < 2 * ld; i++) {
      as[i] = (i * 37 % 101 - 50) / 13f;
      bs[i] = (i * 53 % 101 - 50.5f) / 13f;
    }
    float p = 0.75f;
    float q = -2;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(4L * 6 * ld, 64);
      MemorySegment.copy(as, 0, memory, JAVA_FLOAT, 0, 2 * ld);
      MemorySegment.copy(bs, 0, memory, JAVA_FLOAT, 8L * ld, 2 * ld);
      Frame f = new Frame();
      a(f, memory.address(), 4L * ld);
      b(f, memory.address() + 8L * ld, 4L * ld);
      run(page, f, memory.address() + 16L * ld, 4L * ld, 2, columns, p, q);
      MemorySegment.copy(memory, JAVA_FLOAT, 16L * ld, ys, 0, 2 * ld);
    }
    for (int i = 0; i < 2 * ld; i++) {
      double a = as[repeatsA ? i / ld * ld : i];
      double b = bs[repeatsB ? i / ld * ld : i];
      double expected = i % ld < columns ? expected(a, b, p, q) : 0;
      if (!(Math.abs(ys[i] - expected) <= 1e-5 * Math.max(1, Math.abs(expected)))) {
        return "value " + i + ": " + ys[i] + ", expected " + expected;
      }
    }
    return null;
  }
}
