package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Weights of attention from queries and keys in one go: {@code e^(a·b + bias + shift)}, with a row
 * of A, a column of a panel of B, a number of the column and a number of the row. Scores never
 * leave the registers; weights are written and added to sums of their row, lane by lane.
 *
 * <p>A panel begins with a row of the columns' numbers. Loops and tiles are those of {@link
 * PanelCode}.
 *
 * @param rows of a tile, 1 to {@link PanelCode#rows(VectorLevel, int)}
 * @param vectors in a row of a panel, 1 to {@link VectorLevel#VECTORS}
 */
record WeightCode(VectorLevel level, int rows, int vectors) implements Generated {
  private static final int A = 0;
  private static final int A_ROW = 8;
  private static final int A_STEP = 16;
  private static final int END_OF_TURNS = 24;
  private static final int END = 32;
  private static final int B = 40;
  private static final int B_STEP = 48;
  private static final int C = 56;
  private static final int C_ROW = 64;
  private static final int C_STEP = 72;
  private static final int TILES = 80;
  private static final int PANELS = 88;
  private static final int SHIFTS = 96;
  private static final int SUMS = 104;
  private static final int A_NOW = 112;
  private static final int C_NOW = 120;
  private static final int TILES_LEFT = 128;
  private static final int SHIFTS_NOW = 136;
  private static final int SUMS_NOW = 144;

  WeightCode {
    if (vectors < 1
        || vectors > VectorLevel.VECTORS
        || rows < 1
        || rows > PanelCode.rows(level, vectors)) {
      throw new IllegalArgumentException(rows + " rows of " + vectors + " vectors");
    }
  }

  private int bytes() {
    return level.lanes() * Float.BYTES;
  }

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    TileSums loop = new TileSums(level, rows, vectors);
    TileSums.enter(a);
    CodeBuffer.Label panel = a.here();
    copy(a, A_NOW, A);
    copy(a, C_NOW, C);
    copy(a, TILES_LEFT, TILES);
    copy(a, SHIFTS_NOW, SHIFTS);
    copy(a, SUMS_NOW, SUMS);
    CodeBuffer.Label tile = a.here();
    a.mov(Gpr.RSI, argument(B));
    begin(a, loop);
    PanelCode.rows(a, rows, A_NOW, A_ROW);
    a.xor(Gpr.RCX, Gpr.RCX);
    loop.loop(a, END_OF_TURNS, TileSums.UNROLL);
    loop.loop(a, END, 1);
    shift(a, loop);
    powers(a, loop);
    store(a, loop);
    advance(a, A_NOW, A_STEP);
    advance(a, C_NOW, C_STEP);
    a.add(argument(SHIFTS_NOW), rows * Float.BYTES);
    a.add(argument(SUMS_NOW), rows * bytes());
    a.dec(argument(TILES_LEFT));
    a.jump(Condition.NOT_EQUAL, tile);
    advance(a, B, B_STEP);
    a.add(argument(C), loop.rowBytes());
    a.dec(argument(PANELS));
    a.jump(Condition.NOT_EQUAL, panel);
    TileSums.leave(a);
    return a.code();
  }

  private static void copy(X64Assembler a, int to, int from) {
    a.mov(Gpr.RAX, argument(from));
    a.mov(argument(to), Gpr.RAX);
  }

  private static void advance(X64Assembler a, int what, int by) {
    a.mov(Gpr.RCX, argument(by));
    a.add(argument(what), Gpr.RCX);
  }

  /** Sums begin as the column's number. */
  private void begin(X64Assembler a, TileSums loop) {
    for (int j = 0; j < vectors; j++) {
      a.vmovups(loop.sum(0, j), Mem.at(Gpr.RSI, j * bytes()));
    }
    for (int i = 1; i < rows; i++) {
      for (int j = 0; j < vectors; j++) {
        a.vmovaps(loop.sum(i, j), loop.sum(0, j));
      }
    }
    a.add(Gpr.RSI, loop.rowBytes());
  }

  /** Adds the row's number: not before the products, whose sums it would make less exact. */
  private void shift(X64Assembler a, TileSums loop) {
    a.mov(Gpr.RCX, argument(SHIFTS_NOW));
    for (int i = 0; i < rows; i++) {
      Vec shift = level.register(loop.firstFree() + i % 2);
      a.vbroadcastss(shift, Mem.at(Gpr.RCX, i * Float.BYTES));
      for (int j = 0; j < vectors; j++) {
        a.vaddps(loop.sum(i, j), loop.sum(i, j), shift);
      }
    }
  }

  private void powers(X64Assembler a, TileSums loop) {
    int free = Math.min(loop.free(), 7);
    Vec[] registers = new Vec[free];
    for (int i = 0; i < free; i++) {
      registers[i] = level.register(loop.firstFree() + i);
    }
    Vec[] sums = new Vec[rows * vectors];
    for (int i = 0; i < sums.length; i++) {
      sums[i] = loop.sum(i / vectors, i % vectors);
    }
    new SmallExponential(a, Gpr.RAX, registers).apply(sums);
  }

  private void store(X64Assembler a, TileSums loop) {
    Vec sum = level.register(loop.firstFree());
    a.mov(Gpr.RAX, argument(C_NOW));
    a.mov(Gpr.RDX, argument(C_ROW));
    a.mov(Gpr.RCX, argument(SUMS_NOW));
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < vectors; j++) {
        a.vmovups(Mem.at(Gpr.RAX, j * bytes()), loop.sum(i, j));
      }
      Vec all = loop.sum(i, 0);
      for (int j = 1; j < vectors; j++) {
        a.vaddps(sum, all, loop.sum(i, j));
        all = sum;
      }
      a.vaddps(sum, all, Mem.at(Gpr.RCX, i * bytes()));
      a.vmovups(Mem.at(Gpr.RCX, i * bytes()), sum);
      a.add(Gpr.RAX, Gpr.RDX);
    }
  }

  /**
   * Computes weights. Addresses and their extents are the caller's to check.
   *
   * @param a address of the first row
   * @param aRow bytes from row to row
   * @param k values of a row to use, 0 or more
   * @param b address of the first panel: columns' numbers, then values of K one after the other
   * @param bPanel bytes from panel to panel
   * @param c address of the weights; a panel's columns lie behind those of the panel before
   * @param cRow bytes from row to row
   * @param shifts address of one float for each row
   * @param sums address of one vector for each row, added to
   */
  void run(
      Code page,
      Frame f,
      long a,
      long aRow,
      int k,
      long b,
      long bPanel,
      long c,
      long cRow,
      int tiles,
      int panels,
      long shifts,
      long sums) {
    if (k < 0) {
      throw new IllegalArgumentException("values: " + k);
    }
    f.set(A, a)
        .set(A_ROW, aRow)
        .set(A_STEP, aRow * rows)
        .set(END_OF_TURNS, (long) Float.BYTES * (k / TileSums.UNROLL * TileSums.UNROLL))
        .set(END, (long) Float.BYTES * k)
        .set(B, b)
        .set(B_STEP, bPanel)
        .set(C, c)
        .set(C_ROW, cRow)
        .set(C_STEP, cRow * rows)
        .set(TILES, Range.positive("tiles", tiles))
        .set(PANELS, Range.positive("panels", panels))
        .set(SHIFTS, shifts)
        .set(SUMS, sums)
        .call(page);
  }

  /** Two tiles of two panels over five values; exponents from below the least to 20. */
  @Override
  public @Nullable String fault(Code page) {
    int lanes = level.lanes();
    int width = vectors * lanes;
    int length = 5;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment a = arena.allocate(4L * 2 * rows * 7, 64);
      MemorySegment b = arena.allocate(4L * 2 * (length + 1) * width, 64);
      MemorySegment c = arena.allocate(4L * 2 * rows * 2 * width, 64);
      MemorySegment shifts = arena.allocate(4L * 2 * rows, 64);
      MemorySegment sums = arena.allocate(4L * 2 * rows * lanes, 64);
      // Arrays, since all of this runs in the interpreter when a program starts.
      float[] left = PanelCode.fill(a, 37);
      float[] right = PanelCode.fill(b, 53);
      int panel = (length + 1) * width;
      double[] expected = new double[2 * rows * 2 * width];
      for (int i = 0; i < 2 * rows; i++) {
        float shift = 15 - 9f * (i % 12);
        shifts.setAtIndex(JAVA_FLOAT, i, shift);
        for (int j = 0; j < 2 * width; j++) {
          int column = j / width * panel + j % width;
          double x = right[column] + shift;
          for (int p = 0; p < length; p++) {
            x += left[7 * i + p] * right[column + (p + 1) * width];
          }
          expected[i * 2 * width + j] = Math.exp(Math.max(x, SmallExponential.LEAST));
        }
      }
      for (int turn = 1; turn <= 2; turn++) {
        run(
            page,
            new Frame(),
            a.address(),
            28,
            length,
            b.address(),
            4L * panel,
            c.address(),
            8L * width,
            2,
            2,
            shifts.address(),
            sums.address());
        float[] weights = c.toArray(JAVA_FLOAT);
        float[] rowSums = sums.toArray(JAVA_FLOAT);
        for (int i = 0; i < 2 * rows; i++) {
          double sum = 0;
          for (int j = 0; j < 2 * width; j++) {
            double e = expected[i * 2 * width + j];
            float actual = weights[i * 2 * width + j];
            sum += turn * e;
            // The exponent itself is rounded, to a part of 2^-24 of a hundred.
            if (!(Math.abs(actual - e) <= 1e-5 * e)) {
              return "row " + i + ", column " + j + ": " + actual + ", expected " + e;
            }
          }
          double rest = sum;
          for (int j = 0; j < lanes; j++) {
            rest -= rowSums[i * lanes + j];
          }
          if (!(Math.abs(rest) <= 1e-5 * sum)) {
            return "sum of row " + i + ": wrong by " + rest + ", expected " + sum;
          }
        }
      }
      return null;
    }
  }
}
