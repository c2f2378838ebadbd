package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What {@link TileCode} does, by {@link PairSums}: tile after tile of the result, {@code rows} rows
 * of the left factor as {@link PairRowsCode} copies them, times a panel as {@link PairColumnsCode}
 * leaves it. Both are cut along K into parts of the same length. A part's sums begin at what pairs
 * add too much for row and column, negated; when they are complete they are taken times both's
 * factors, powers of two, and added to the result.
 *
 * @param rows of a tile, 1 to {@link #ROWS}
 * @param vectors in a row of the tile, 1 to {@link VectorLevel#VECTORS}
 * @param fetches as {@link TileCode}'s: four cache lines with every {@link #CHUNK} values of K
 */
record PairTile(int rows, int vectors, boolean fetches) implements Generated {
  /** Values of K that lie together in a row of the left factor; K is a multiple. */
  static final int CHUNK = 16;

  /** Most chunks of a part: its sums are short, so that they are as exact as plain ones. */
  private static final int PART = 5;

  /** Most rows of a tile. */
  static final int ROWS = 8;

  /** Entries of a {@link FetchTable} that are read with every chunk. */
  static final int FETCHES = 2;

  /** Bytes of a row's numbers for a part: what its sums begin at, and its factor. */
  static final int ROW_NUMBERS = 8;

  /** Bytes behind a tile's numbers of rows. */
  static final int ROW_NUMBERS_END = 16;

  private static final VectorLevel LEVEL = VectorLevel.AVX512;
  private static final int VECTOR = 64;

  private static final int LEFT = 0;
  private static final int LEFT_NUMBERS = 8;
  private static final int RIGHT = 16;
  private static final int RIGHT_NUMBERS = 24;
  private static final int CHUNKS = 32;
  private static final int PART_CHUNKS = 40;

  /** Address of the first tile of the result; moves on. Its rows; and its tiles. */
  private static final int C = 48;

  private static final int C_ROW = 56;
  private static final int C_STEP = 64;
  private static final int TILES = 72;
  private static final int ADD = 80;
  private static final int NEXT = 88;
  private static final int NEXT_BASE = 96;

  PairTile {
    if (rows < 1 || rows > ROWS || vectors < 1 || vectors > VectorLevel.VECTORS) {
      throw new IllegalArgumentException(rows + " rows of " + vectors + " vectors");
    }
  }

  /** Chunks of a part, all but perhaps the last, of so many values of K. */
  static int partChunks(int k) {
    int chunks = k / CHUNK;
    return Math.ceilDiv(chunks, Math.ceilDiv(chunks, PART));
  }

  /** Parts of so many values of K. */
  static int parts(int k) {
    return Math.ceilDiv(k / CHUNK, partChunks(k));
  }

  /** Whether a value of K and the next are multiplied as a pair. */
  static boolean pair(int value) {
    return PairSums.pair(CHUNK, value % CHUNK);
  }

  private TileSums sums() {
    return new TileSums(LEVEL, rows, vectors);
  }

  @Override
  public byte[] code() {
    TileSums sums = sums();
    PairSums pairs = new PairSums(sums);
    X64Assembler a = new X64Assembler();
    a.push(Gpr.RBX);
    a.push(Gpr.R12);
    a.push(Gpr.R13);
    a.mov(Gpr.R8, argument(LEFT));
    a.mov(Gpr.RBX, argument(LEFT_NUMBERS));
    a.mov(Gpr.R12, argument(NEXT));
    CodeBuffer.Label tile = a.here();
    a.mov(Gpr.RSI, argument(RIGHT));
    a.mov(Gpr.RCX, argument(RIGHT_NUMBERS));
    a.mov(Gpr.R9, argument(CHUNKS));
    a.mov(Gpr.R11, argument(ADD)); // whether there are sums already
    CodeBuffer.Label part = a.here();
    CodeBuffer.Label end = a.label();
    CodeBuffer.Label first = a.label();
    CodeBuffer.Label next = a.label();
    begin(a, sums);
    a.mov(Gpr.R10, argument(PART_CHUNKS));
    a.align(32);
    CodeBuffer.Label chunk = a.here();
    for (int k = 0; k < CHUNK; k += PairSums.GROUP) {
      int from = k;
      pairs.step(
          a,
          Math.min(PairSums.GROUP, CHUNK - k),
          Gpr.RSI,
          k * sums.rowBytes(),
          (i, p) -> Mem.at(Gpr.R8, Float.BYTES * (CHUNK * i + from + p)));
      if (fetches && k < FETCHES * PairSums.GROUP) {
        fetch(a);
      }
    }
    a.add(Gpr.R8, CHUNK * Float.BYTES * rows);
    a.add(Gpr.RSI, CHUNK * sums.rowBytes());
    a.dec(Gpr.R9);
    a.jump(Condition.EQUAL, end);
    a.dec(Gpr.R10);
    a.jump(Condition.NOT_EQUAL, chunk);
    a.bind(end);
    for (int j = 0; j < vectors; j++) {
      a.vmovups(sums.right(j), Mem.at(Gpr.RCX, (vectors + j) * VECTOR));
    }
    a.mov(Gpr.RAX, argument(C));
    a.mov(Gpr.RDX, argument(C_ROW));
    a.test(Gpr.R11, Gpr.R11);
    a.jump(Condition.EQUAL, first);
    finish(a, sums, true);
    a.jmp(next);
    a.bind(first);
    finish(a, sums, false);
    a.mov(Gpr.R11, 1);
    a.bind(next);
    a.add(Gpr.RBX, ROW_NUMBERS * rows);
    a.add(Gpr.RCX, 2 * vectors * VECTOR);
    a.test(Gpr.R9, Gpr.R9);
    a.jump(Condition.NOT_EQUAL, part);
    a.add(Gpr.RBX, ROW_NUMBERS_END);
    a.mov(Gpr.RCX, argument(C_STEP));
    a.add(argument(C), Gpr.RCX);
    a.dec(argument(TILES));
    a.jump(Condition.NOT_EQUAL, tile);
    a.vzeroupper();
    a.pop(Gpr.R13);
    a.pop(Gpr.R12);
    a.pop(Gpr.RBX);
    a.ret();
    return a.code();
  }

  private void begin(X64Assembler a, TileSums sums) {
    for (int j = 0; j < vectors; j++) {
      a.vmovups(sums.right(j), Mem.at(Gpr.RCX, j * VECTOR));
    }
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < vectors; j++) {
        a.vaddps(sums.sum(i, j), sums.right(j), Mem.at(Gpr.RBX, ROW_NUMBERS * i).broadcasting());
      }
    }
  }

  private void finish(X64Assembler a, TileSums sums, boolean add) {
    int first = sums.firstFree() + vectors;
    for (int i = 0; i < rows; i++) {
      Mem factor = Mem.at(Gpr.RBX, ROW_NUMBERS * i + Float.BYTES).broadcasting();
      for (int j = 0; j < vectors; j++) {
        Mem c = Mem.at(Gpr.RAX, j * VECTOR);
        Vec sum = sums.sum(i, j);
        Vec both = LEVEL.register(first + (i * vectors + j) % (32 - first));
        a.vmulps(both, sums.right(j), factor);
        if (add) {
          a.vfmadd213ps(sum, both, c);
        } else {
          a.vmulps(sum, sum, both);
        }
        a.vmovups(c, sum);
      }
      a.add(Gpr.RAX, Gpr.RDX);
    }
  }

  private static void fetch(X64Assembler a) {
    a.mov(Gpr.R13, Mem.at(Gpr.R12));
    a.add(Gpr.R13, argument(NEXT_BASE));
    a.prefetcht1(Mem.at(Gpr.R13));
    a.prefetcht1(Mem.at(Gpr.R13, 64));
    a.add(Gpr.R12, Long.BYTES);
  }

  /**
   * Multiplies tiles by a panel. Addresses and their extents are the caller's to check.
   *
   * @param left address of the first tile, and of its numbers
   * @param k values of K, a multiple of {@link #CHUNK}, at least that
   * @param right address of the panel, and of its numbers
   * @param c where the first tile's result goes, rows {@code row} bytes apart
   * @param add whether the result is added to
   * @param next address of a {@link FetchTable}'s entries and what they are added to
   */
  void run(
      Code page,
      Frame f,
      long left,
      long leftNumbers,
      int k,
      long right,
      long rightNumbers,
      long c,
      long row,
      int tiles,
      boolean add,
      long next,
      long nextBase) {
    f.set(LEFT, left)
        .set(LEFT_NUMBERS, leftNumbers)
        .set(RIGHT, right)
        .set(RIGHT_NUMBERS, rightNumbers)
        .set(CHUNKS, chunks(k))
        .set(PART_CHUNKS, partChunks(k))
        .set(C, c)
        .set(C_ROW, row)
        .set(C_STEP, rows * row)
        .set(TILES, Range.positive("tiles", tiles))
        .set(ADD, add ? 1 : 0)
        .set(NEXT, next)
        .set(NEXT_BASE, nextBase)
        .call(page);
  }

  /** The number of chunks of so many values. */
  static int chunks(int k) {
    if (k % CHUNK != 0) {
      throw new IllegalArgumentException("values: " + k);
    }
    return Range.positive("values", k) / CHUNK;
  }

  /** Two tiles, two parts and more; written, then added to. */
  @Override
  public @Nullable String fault(Code page) {
    int columns = 16 * vectors;
    int k = (2 * PART - 1) * CHUNK;
    int parts = parts(k);
    int partValues = CHUNK * partChunks(k);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment a = arena.allocate(4L * 2 * rows * k, 64);
      MemorySegment b = arena.allocate(4L * k * columns, 64);
      MemorySegment c = arena.allocate(4L * 2 * rows * columns, 64);
      MemorySegment rowNumbers =
          arena.allocate(2L * (ROW_NUMBERS * rows * parts + ROW_NUMBERS_END), 64);
      MemorySegment columnNumbers = arena.allocate(4L * 2 * columns * parts, 64);
      MemorySegment next = arena.allocate(8L * 2 * FETCHES * k / CHUNK, 64);
      float[] left = Trial.fill(a, 37);
      float[] right = Trial.fill(b, 53);
      float[] expected = new float[2 * rows * columns];
      for (int i = 0; i < 2 * rows; i++) {
        int tile = i / rows;
        for (int part = 0; part < parts; part++) {
          int at = tile * (rows * parts * 2 + ROW_NUMBERS_END / 4) + (part * rows + i % rows) * 2;
          float rowFactor = 1 << (i + part) % 3;
          rowNumbers.setAtIndex(JAVA_FLOAT, at, i - part);
          rowNumbers.setAtIndex(JAVA_FLOAT, at + 1, rowFactor);
          for (int j = 0; j < columns; j++) {
            float factor = 1f / (1 << (j + part) % 3);
            int number = part * 2 * columns + j;
            columnNumbers.setAtIndex(JAVA_FLOAT, number, j / 4f);
            columnNumbers.setAtIndex(JAVA_FLOAT, number + columns, factor);
            float sum = i - part + j / 4f;
            for (int p = part * partValues; p < Math.min(k, (part + 1) * partValues); p++) {
              int x = tile * rows * k + (p / CHUNK * rows + i % rows) * CHUNK + p % CHUNK;
              int y = p * columns + j;
              sum += left[x] * right[y];
              sum += pair(p) ? left[x] * left[x + 1] + right[y] * right[y + columns] : 0;
            }
            expected[i * columns + j] += sum * rowFactor * factor;
          }
        }
      }
      for (int turn = 1; turn <= 2; turn++) {
        run(
            page,
            new Frame(),
            a.address(),
            rowNumbers.address(),
            k,
            b.address(),
            columnNumbers.address(),
            c.address(),
            4L * columns,
            2,
            turn > 1,
            next.address(),
            b.address());
        float[] actual = c.toArray(JAVA_FLOAT);
        for (int i = 0; i < actual.length; i++) {
          if (!(Math.abs(actual[i] - turn * expected[i]) <= 1e-3)) {
            return "value " + i + ": " + actual[i] + ", expected " + turn * expected[i];
          }
        }
      }
      return null;
    }
  }
}
