package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Weights of attention from queries and keys in one go: {@code e^(a·b + bias + shift)}, with a row
 * of A, a column of a panel of B, a number of the column and one of the row; or {@code 2^((a·b +
 * bias) · factor + shift)}, with two of the row; or {@code 2^(a·b + bias + shift)}, rounded to
 * bfloat16, of rows and columns of bfloat16. Scores never leave the registers; weights are written
 * and, as written, added to sums of their row, lane by lane (rounded ones two by two).
 *
 * <p>A panel begins with a row of the columns' numbers. Loops are those of {@link PanelCode}.
 *
 * @param rows of a tile, 1 to {@link #rows(VectorLevel, int, Scores)}
 * @param vectors in a row of a panel, 1 to {@link VectorLevel#VECTORS}
 * @param scores how a·b is summed, other than plainly for AVX-512 only: paired, it is more by what
 *     {@link PairCode} says of the row and of the column, which their numbers take out again;
 *     rounded, values of K are words of two bfloat16
 */
record WeightCode(VectorLevel level, int rows, int vectors, Scores scores) implements Generated {
  /** Bytes of a row's numbers: the shift, then the factor. */
  static final int ROW_NUMBERS = 2 * Float.BYTES;

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
  private static final int END_OF_GROUPS = 152;
  private static final int ONES = 160;

  /** Most registers that a power of 2 gains by. */
  private static final int MOST_FREE = 16;

  /** A word of two bfloat16, 1 each. */
  private static final long TWO_ONES = 0x3F80_3F80L;

  WeightCode {
    if (vectors < 1
        || vectors > VectorLevel.VECTORS
        || rows < 1
        || rows > rows(level, vectors, scores)) {
      throw new IllegalArgumentException(rows + " rows of " + vectors + " vectors");
    }
  }

  /** Most rows of a tile. */
  static int rows(VectorLevel level, int vectors, Scores scores) {
    return scores != Scores.PLAIN ? PairSums.rows(vectors) : PanelCode.rows(level, vectors);
  }

  private boolean paired() {
    return scores == Scores.PAIRED;
  }

  private boolean rounded() {
    return scores == Scores.ROUNDED;
  }

  private int bytes() {
    return level.lanes() * Float.BYTES;
  }

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    TileSums loop = new TileSums(level, rows, vectors, false, rounded());
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
    if (paired()) {
      pairs(a, new PairSums(loop), END_OF_TURNS, PairSums.GROUP);
      pairs(a, new PairSums(loop), END_OF_GROUPS, PairSums.REST);
    } else {
      loop.loop(a, END_OF_TURNS, TileSums.UNROLL);
    }
    loop.loop(a, END, 1);
    if (paired()) {
      shift(a, loop);
    } else {
      addShift(a, loop);
    }
    powers(a, loop);
    advance(a, A_NOW, A_STEP);
    advance(a, C_NOW, C_STEP);
    a.add(argument(SHIFTS_NOW), rows * ROW_NUMBERS);
    a.add(argument(SUMS_NOW), rows * bytes());
    a.dec(argument(TILES_LEFT));
    a.jump(Condition.NOT_EQUAL, tile);
    advance(a, B, B_STEP);
    a.add(argument(C), rounded() ? loop.rowBytes() / 2 : loop.rowBytes());
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

  private static void pairs(X64Assembler a, PairSums loop, int end, int count) {
    CodeBuffer.Label done = a.label();
    a.cmp(Gpr.RCX, argument(end));
    a.jump(Condition.ABOVE_OR_EQUAL, done);
    a.align(32);
    CodeBuffer.Label turn = a.here();
    Gpr[] row = TileSums.ROW_REGISTERS;
    loop.step(a, count, Gpr.RSI, 0, (i, k) -> Mem.at(row[i], Gpr.RCX, Float.BYTES * k));
    a.add(Gpr.RCX, Float.BYTES * count);
    a.add(Gpr.RSI, count * loop.sums().rowBytes());
    a.cmp(Gpr.RCX, argument(end));
    a.jump(Condition.BELOW, turn);
    a.bind(done);
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
  private void addShift(X64Assembler a, TileSums loop) {
    a.mov(Gpr.RCX, argument(SHIFTS_NOW));
    for (int i = 0; i < rows; i++) {
      Vec shift = level.register(loop.firstFree() + i % 2);
      a.vbroadcastss(shift, Mem.at(Gpr.RCX, i * ROW_NUMBERS));
      for (int j = 0; j < vectors; j++) {
        a.vaddps(loop.sum(i, j), loop.sum(i, j), shift);
      }
    }
  }

  /** The same after the row's factor. */
  private void shift(X64Assembler a, TileSums loop) {
    a.mov(Gpr.RCX, argument(SHIFTS_NOW));
    for (int i = 0; i < rows; i++) {
      Vec shift = level.register(loop.firstFree() + i % 2);
      Vec factor = level.register(loop.firstFree() + 2 + i % 2);
      a.vbroadcastss(shift, Mem.at(Gpr.RCX, i * ROW_NUMBERS));
      a.vbroadcastss(factor, Mem.at(Gpr.RCX, i * ROW_NUMBERS + Float.BYTES));
      for (int j = 0; j < vectors; j++) {
        a.vfmadd213ps(loop.sum(i, j), factor, shift);
      }
    }
  }

  private void powers(X64Assembler a, TileSums loop) {
    int free = Math.min(loop.free(), scores == Scores.PLAIN ? 7 : MOST_FREE);
    Vec[] registers = new Vec[free];
    for (int i = 0; i < free; i++) {
      registers[i] = level.register(loop.firstFree() + i);
    }
    Vec[] sums = new Vec[rows * vectors];
    for (int i = 0; i < sums.length; i++) {
      sums[i] = loop.sum(i / vectors, i % vectors);
    }
    a.mov(Gpr.R8, argument(C_NOW));
    a.mov(Gpr.RDX, argument(C_ROW));
    a.mov(Gpr.RCX, argument(SUMS_NOW));
    if (paired()) {
      new SmallPower(a, Gpr.RAX, registers).apply(sums, i -> store(a, loop, i));
    } else if (rounded()) {
      new SmallPower(a, Gpr.RAX, registers).apply(sums, i -> storeRounded(a, loop, i));
    } else {
      new SmallExponential(a, Gpr.RAX, registers).apply(sums);
      for (int i = 0; i < sums.length; i++) {
        store(a, loop, i);
      }
    }
  }

  /** Writes a vector of weights; with a row's last, adds all of the row to its sums. */
  private void store(X64Assembler a, TileSums loop, int index) {
    int i = index / vectors;
    int j = index % vectors;
    a.vmovups(Mem.at(Gpr.R8, j * bytes()), loop.sum(i, j));
    if (j == vectors - 1) {
      Vec sum = loop.sum(i, 0);
      for (int other = 1; other < vectors; other++) {
        a.vaddps(sum, sum, loop.sum(i, other));
      }
      a.vaddps(sum, sum, Mem.at(Gpr.RCX, i * bytes()));
      a.vmovups(Mem.at(Gpr.RCX, i * bytes()), sum);
      a.add(Gpr.R8, Gpr.RDX);
    }
  }

  /** The same as bfloat16, once a row is complete: what is added to its sums is rounded as well. */
  private void storeRounded(X64Assembler a, TileSums loop, int index) {
    int i = index / vectors;
    if (index % vectors < vectors - 1) {
      return;
    }
    Vec weights = loop.sum(i, 0);
    Vec sum = vectors == 1 ? level.register(loop.firstFree() + MOST_FREE) : loop.sum(i, 1);
    if (vectors == 1) {
      Vec half = Vec.ymm(weights.number());
      a.vcvtneps2bf16(half, weights); // the other half becomes zero
      a.vmovups(Mem.at(Gpr.R8), half);
    } else {
      a.vcvtne2ps2bf16(weights, sum, weights);
      a.vmovups(Mem.at(Gpr.R8), weights);
    }
    a.vmovups(sum, Mem.at(Gpr.RCX, i * bytes()));
    a.vdpbf16ps(sum, weights, argument(ONES).broadcasting());
    a.vmovups(Mem.at(Gpr.RCX, i * bytes()), sum);
    a.add(Gpr.R8, Gpr.RDX);
  }

  /**
   * Computes weights. Addresses and their extents are the caller's to check.
   *
   * @param a address of the first row
   * @param aRow bytes from row to row
   * @param k values (words, if rounded) of a row to use, 0 or more
   * @param b address of the first panel: columns' numbers, then values of K one after the other
   * @param bPanel bytes from panel to panel
   * @param c address of the weights; a panel's columns lie behind those of the panel before
   * @param cRow bytes from row to row
   * @param shifts address of {@link #ROW_NUMBERS} bytes for each row
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
        .set(END_OF_TURNS, (long) Float.BYTES * turns(k))
        .set(END_OF_GROUPS, (long) Float.BYTES * PairSums.grouped(k))
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
        .set(ONES, TWO_ONES)
        .call(page);
  }

  /** Bytes of some weights. */
  private long bytesOf(int weights) {
    return (rounded() ? 2L : 4L) * weights;
  }

  /** Values from row to row in the trial. */
  private static final int STEP = 13;

  private int turns(int k) {
    return paired() ? PairSums.whole(k) : k / TileSums.UNROLL * TileSums.UNROLL;
  }

  /** What a pair of values adds to a sum beside its products. */
  private double surplus(float[] left, int at, float[] right, int column, int p) {
    int width = vectors * level.lanes();
    double ofRow = (double) left[at + p] * left[at + p + 1];
    int first = column + (p + 1) * width;
    return ofRow + (double) right[first] * right[first + width];
  }

  /**
   * Two tiles of two panels over eleven values; exponents from below the least to 20, factors from
   * ½ to 2.
   */
  @Override
  public @Nullable String fault(Code page) {
    int lanes = level.lanes();
    int width = vectors * lanes;
    int length = 11;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment a = arena.allocate(4L * 2 * rows * STEP, 64);
      MemorySegment b = arena.allocate(4L * 2 * (length + 1) * width, 64);
      MemorySegment c = arena.allocate(4L * 2 * rows * 2 * width, 64);
      MemorySegment shifts = arena.allocate(2L * ROW_NUMBERS * rows, 64);
      MemorySegment sums = arena.allocate(4L * 2 * rows * lanes, 64);
      float[] left = rounded() ? Trial.words(a, 37) : Trial.fill(a, 37);
      float[] right = rounded() ? Trial.words(b, 53) : Trial.fill(b, 53);
      int panel = (length + 1) * width;
      double[] expected = new double[2 * rows * 2 * width];
      for (int i = 0; i < 2 * rows; i++) {
        float shift = 15 - 13f * (i % 12);
        float factor = paired() ? 1 << i % 3 : 2;
        shifts.setAtIndex(JAVA_FLOAT, 2 * i, shift);
        shifts.setAtIndex(JAVA_FLOAT, 2 * i + 1, factor / 2);
        for (int j = 0; j < 2 * width; j++) {
          int column = j / width * panel + j % width;
          double x = b.getAtIndex(JAVA_FLOAT, column);
          x +=
              rounded()
                  ? Trial.dotWords(left, STEP * i, right, column + width, width, length)
                  : Trial.dot(left, STEP * i, right, column + width, width, length);
          for (int p = 0; paired() && p < length; p++) {
            x += PairSums.pair(length, p) ? surplus(left, STEP * i, right, column, p) : 0;
          }
          x = x * factor / 2 + shift;
          expected[i * 2 * width + j] =
              scores == Scores.PLAIN
                  ? Math.exp(Math.max(x, SmallExponential.LEAST))
                  : Math.pow(2, Math.max(x, SmallPower.LEAST));
        }
      }
      for (int turn = 1; turn <= 2; turn++) {
        run(
            page,
            new Frame(),
            a.address(),
            4L * STEP,
            length,
            b.address(),
            4L * panel,
            c.address(),
            bytesOf(2 * width),
            2,
            2,
            shifts.address(),
            sums.address());
        float[] weights = new float[expected.length];
        for (int i = 0; i < weights.length; i++) {
          weights[i] =
              rounded()
                  ? Numbers.bf16ToFloat(c.getAtIndex(JAVA_SHORT, i))
                  : c.getAtIndex(JAVA_FLOAT, i);
        }
        float[] rowSums = sums.toArray(JAVA_FLOAT);
        for (int i = 0; i < 2 * rows; i++) {
          double sum = 0;
          for (int j = 0; j < 2 * width; j++) {
            double e = expected[i * 2 * width + j];
            float actual = weights[i * 2 * width + j];
            sum += turn * (rounded() ? actual : e);
            // The exponent itself is rounded, to a part of 2^-24 of a hundred.
            if (!(Math.abs(actual - e) <= (rounded() ? 0x1.02p-8 : 1e-5) * e)) {
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
