package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.util.function.IntFunction;

/**
 * The instructions of every innermost tile: sums of {@code rows} × {@code vectors} vectors in
 * registers, each a chain of fused multiply-adds in the order of K; then the vectors of a row of
 * the right factor; then values of the left one, in turn, so that loads run ahead.
 *
 * @param rows of the tile
 * @param vectors in a row of it
 * @param half whether a row's last vector is half as wide: some processors have two of those for
 *     one whole
 * @param words whether a value of K is a word of two bfloat16, multiplied by AVX512-BF16
 */
record TileSums(VectorLevel level, int rows, int vectors, boolean half, boolean words) {
  /** Registers that hold the addresses of rows of the left factor. */
  static final Gpr[] ROW_REGISTERS = {
    Gpr.RAX, Gpr.RDX, Gpr.RBX, Gpr.RBP, Gpr.R8, Gpr.R9, Gpr.R10, Gpr.R11, Gpr.R12, Gpr.R13, Gpr.R14,
    Gpr.R15
  };

  private static final Gpr[] SAVED = {Gpr.RBX, Gpr.RBP, Gpr.R12, Gpr.R13, Gpr.R14, Gpr.R15};

  /** Values of K in one turn of {@link #loop}. */
  static final int UNROLL = 4;

  /** A tile of whole vectors. */
  TileSums(VectorLevel level, int rows, int vectors) {
    this(level, rows, vectors, false, false);
  }

  /** Bytes of a row of the tile. */
  int rowBytes() {
    return vectors * level.lanes() * Float.BYTES;
  }

  /** A register, as wide as a vector of a row. */
  private Vec wide(int number, int vector) {
    Vec v = level.register(number);
    return half && vector == vectors - 1 ? new Vec(number, v.bits() / 2, 0, false) : v;
  }

  /** Register of a sum. */
  Vec sum(int row, int vector) {
    return wide(row * vectors + vector, vector);
  }

  /** Register of a vector of the right factor. */
  Vec right(int vector) {
    return wide(rows * vectors + vector, vector);
  }

  /** Number of the first register that holds no sum. */
  int firstFree() {
    return rows * vectors;
  }

  /** How many registers hold none. */
  int free() {
    return (level == VectorLevel.AVX512 ? 32 : 16) - firstFree();
  }

  private int left(int row) {
    return firstFree() + vectors + row % (free() - vectors);
  }

  /** Saves the registers that a caller expects to be kept. */
  static void enter(X64Assembler a) {
    for (Gpr register : SAVED) {
      a.push(register);
    }
  }

  /** Restores them and returns. */
  static void leave(X64Assembler a) {
    a.vzeroupper();
    for (int i = SAVED.length - 1; i >= 0; i--) {
      a.pop(SAVED[i]);
    }
    a.ret();
  }

  /** All sums become zero. */
  void zero(X64Assembler a) {
    for (int i = 0; i < rows * vectors; i++) {
      level.zero(a, level.register(i));
    }
  }

  /**
   * Adds the products of one value of K.
   *
   * @param b points to the row of the right factor
   * @param offset of it there
   * @param left where each row of the left factor has its value
   */
  void step(X64Assembler a, Gpr b, int offset, IntFunction<Mem> left) {
    for (int j = 0; j < vectors; j++) {
      a.vmovups(right(j), Mem.at(b, offset + j * level.lanes() * Float.BYTES));
    }
    for (int i = 0; i < rows; i++) {
      a.vbroadcastss(level.register(left(i)), left.apply(i));
      for (int j = 0; j < vectors; j++) {
        if (words) {
          a.vdpbf16ps(sum(i, j), wide(left(i), j), right(j));
        } else {
          a.vfmadd231ps(sum(i, j), wide(left(i), j), right(j));
        }
      }
    }
  }

  /**
   * Some values of K in each turn, from byte RCX of all rows up to that in an argument; none if
   * there already. Rows of the right factor follow each other from RSI on.
   */
  void loop(X64Assembler a, int end, int unroll) {
    loop(a, end, unroll, () -> {});
  }

  /** The same, with other instructions once in each turn; they must change no row's register. */
  void loop(X64Assembler a, int end, int unroll, Runnable each) {
    loop(a, end, unroll, rowBytes(), each);
  }

  /** The same where rows of the right factor are {@code pitch} bytes apart. */
  void loop(X64Assembler a, int end, int unroll, int pitch, Runnable each) {
    CodeBuffer.Label done = a.label();
    a.cmp(Gpr.RCX, argument(end));
    a.jump(Condition.ABOVE_OR_EQUAL, done);
    a.align(32);
    CodeBuffer.Label turn = a.here();
    for (int k = 0; k < unroll; k++) {
      int offset = k * Float.BYTES;
      step(a, Gpr.RSI, k * pitch, i -> Mem.at(ROW_REGISTERS[i], Gpr.RCX, offset));
      if (k == 0) {
        each.run();
      }
    }
    a.add(Gpr.RCX, unroll * Float.BYTES);
    a.add(Gpr.RSI, unroll * pitch);
    a.cmp(Gpr.RCX, argument(end));
    a.jump(Condition.BELOW, turn);
    a.bind(done);
  }

  /** Adds what lies from RAX on, rows RDX bytes apart. Uses RCX. */
  void add(X64Assembler a) {
    pass(a, true);
  }

  /** Writes the sums from RAX on, rows RDX bytes apart. Uses RCX. */
  void write(X64Assembler a) {
    pass(a, false);
  }

  private void pass(X64Assembler a, boolean add) {
    a.mov(Gpr.RCX, Gpr.RAX);
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < vectors; j++) {
        Mem c = Mem.at(Gpr.RCX, j * level.lanes() * Float.BYTES);
        if (add) {
          a.vaddps(sum(i, j), sum(i, j), c);
        } else {
          a.vmovups(c, sum(i, j));
        }
      }
      a.add(Gpr.RCX, Gpr.RDX);
    }
  }

  /** Writes or adds to what lies from RAX on, rows RDX bytes apart, as an argument says. */
  void store(X64Assembler a, int addArgument) {
    CodeBuffer.Label plain = a.label();
    a.cmp(argument(addArgument), 0);
    a.jump(Condition.EQUAL, plain);
    add(a);
    a.bind(plain);
    write(a);
  }
}
