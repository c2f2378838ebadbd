package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The products of attention: some rows at a constant distance times panels of columns, panel by
 * panel, and for each panel tile by tile of the rows. The sums of a tile stay in registers over all
 * of K that one call covers; each is a chain of fused multiply-adds in the order of K, whatever the
 * tile's size.
 *
 * @param rows of a tile, 1 to {@link #rows(VectorLevel, int)}
 * @param vectors in a row of a panel, 1 to {@link #MAX_VECTORS}
 * @param half whether only half of a row's last vector is used and written
 * @param words whether values of both factors are words of two bfloat16
 */
record PanelCode(VectorLevel level, int rows, int vectors, boolean half, boolean words)
    implements Generated {
  /** Most vectors in a row of a panel. */
  static final int MAX_VECTORS = 3;

  private static final int A = 0;
  private static final int A_ROW = 8;
  private static final int A_STEP = 16;
  private static final int END_OF_FOURS = 24;
  private static final int END = 32;
  private static final int B = 40;
  private static final int B_STEP = 48;
  private static final int C = 56;
  private static final int C_ROW = 64;
  private static final int C_STEP = 72;
  private static final int TILES = 80;
  private static final int PANELS = 88;
  private static final int ADD = 96;
  private static final int A_NOW = 104;
  private static final int C_NOW = 112;
  private static final int TILES_LEFT = 120;

  PanelCode {
    if (vectors < 1 || vectors > MAX_VECTORS || rows < 1 || rows > rows(level, vectors)) {
      throw new IllegalArgumentException(rows + " rows of " + vectors + " vectors");
    }
  }

  /** Rows of a tile whose rows have a number of vectors: the sums fill three quarters. */
  static int rows(VectorLevel level, int vectors) {
    int sums = level == VectorLevel.AVX512 ? 24 : 12;
    return Math.min(sums / vectors, TileSums.ROW_REGISTERS.length);
  }

  private int rowBytes() {
    return sums().rowBytes();
  }

  private TileSums sums() {
    return new TileSums(level, rows, vectors, half, words);
  }

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    TileSums.enter(a);
    CodeBuffer.Label panel = a.here();
    copy(a, A_NOW, A);
    copy(a, C_NOW, C);
    copy(a, TILES_LEFT, TILES);
    CodeBuffer.Label tile = a.here();
    sums().zero(a);
    rows(a, rows, A_NOW, A_ROW);
    a.mov(Gpr.RSI, argument(B));
    a.xor(Gpr.RCX, Gpr.RCX);
    sums().loop(a, END_OF_FOURS, TileSums.UNROLL);
    sums().loop(a, END, 1);
    a.mov(Gpr.RAX, argument(C_NOW));
    a.mov(Gpr.RDX, argument(C_ROW));
    sums().store(a, ADD);
    a.mov(Gpr.RCX, argument(A_STEP));
    a.add(argument(A_NOW), Gpr.RCX);
    a.mov(Gpr.RCX, argument(C_STEP));
    a.add(argument(C_NOW), Gpr.RCX);
    a.dec(argument(TILES_LEFT));
    a.jump(Condition.NOT_EQUAL, tile);
    a.mov(Gpr.RCX, argument(B_STEP));
    a.add(argument(B), Gpr.RCX);
    a.add(argument(C), rowBytes());
    a.dec(argument(PANELS));
    a.jump(Condition.NOT_EQUAL, panel);
    TileSums.leave(a);
    return a.code();
  }

  /** Points the row registers to rows: the first's address and the distance are arguments. */
  static void rows(X64Assembler a, int count, int first, int distance) {
    Gpr[] row = TileSums.ROW_REGISTERS;
    a.mov(Gpr.RCX, argument(distance));
    a.mov(row[0], argument(first));
    for (int i = 1; i < count; i++) {
      a.lea(row[i], Mem.at(row[i - 1], Gpr.RCX, 0));
    }
  }

  private static void copy(X64Assembler a, int to, int from) {
    a.mov(Gpr.RAX, argument(from));
    a.mov(argument(to), Gpr.RAX);
  }

  /**
   * Computes tiles of a product. Addresses and their extents are the caller's to check.
   *
   * @param a address of the first row
   * @param aRow bytes from row to row
   * @param k values of a row to use, 0 or more
   * @param b address of the first panel: values of K one after the other, a row of the panel each
   * @param bPanel bytes from panel to panel
   * @param c address of the result; a panel's columns lie behind those of the panel before
   * @param cRow bytes from row to row
   * @param add whether the result is added to
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
      boolean add) {
    if (k < 0) {
      throw new IllegalArgumentException("values: " + k);
    }
    f.set(A, a)
        .set(A_ROW, aRow)
        .set(A_STEP, aRow * rows)
        .set(END_OF_FOURS, (long) Float.BYTES * (k / TileSums.UNROLL * TileSums.UNROLL))
        .set(END, (long) Float.BYTES * k)
        .set(B, b)
        .set(B_STEP, bPanel)
        .set(C, c)
        .set(C_ROW, cRow)
        .set(C_STEP, cRow * rows)
        .set(TILES, Range.positive("tiles", tiles))
        .set(PANELS, Range.positive("panels", panels))
        .set(ADD, add ? 1 : 0)
        .call(page);
  }

  /** Two tiles of two panels over five values; written, then added to. */
  @Override
  public @Nullable String fault(Code page) {
    int width = vectors * level.lanes();
    int length = 5;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment a = arena.allocate(4L * 2 * rows * 7, 64);
      MemorySegment b = arena.allocate(4L * 2 * length * width, 64);
      MemorySegment c = arena.allocate(4L * 2 * rows * 2 * width, 64);
      float[] left = words ? Trial.words(a, 37) : Trial.fill(a, 37);
      float[] right = words ? Trial.words(b, 53) : Trial.fill(b, 53);
      float[] expected = new float[2 * rows * 2 * width];
      for (int i = 0; i < expected.length; i++) {
        int j = i % (2 * width);
        if (!half || j % width < width - level.lanes() / 2) {
          int column = j / width * length * width + j % width;
          int row = i / (2 * width) * 7;
          expected[i] =
              words
                  ? Trial.dotWords(left, row, right, column, width, length)
                  : Trial.dot(left, row, right, column, width, length);
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
            (long) length * rowBytes(),
            c.address(),
            2L * rowBytes(),
            2,
            2,
            turn > 1);
        float[] result = c.toArray(JAVA_FLOAT);
        for (int i = 0; i < result.length; i++) {
          if (!(Math.abs(result[i] - turn * expected[i]) <= 1e-5)) {
            return "turn " + turn + ", value " + i + ": " + result[i] + " for " + expected[i];
          }
        }
      }
      return null;
    }
  }
}
