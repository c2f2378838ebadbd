package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What {@link TileCode} does, by {@link PairSums}: tile after tile of the result, {@code rows} rows
 * of the left factor as {@link PairRowsCode} copies them, times a panel as {@link PairColumnsCode}
 * leaves it. Both are cut along K into parts of the same length. A part's sums begin at what pairs
 * add too much for row and column, negated; when they are complete they are taken times both's
 * factors, powers of two, and added to the result. All of it for one place after the other, where
 * factors and results are those of minimal filtering.
 *
 * @param rows of a tile, 1 to {@link #ROWS}
 * @param vectors in a row of the tile, 1 to {@link VectorLevel#VECTORS}
 * @param fetches as {@link TileCode}'s: four cache lines with every {@link #CHUNK} values of K
 */
record PairTile(int rows, int vectors, boolean fetches) implements Generated {
  /** Values of K that lie together in a row of the left factor; K is a multiple. */
  static final int CHUNK = PackedWeight.CHUNK;

  /** Most chunks of a part: its sums are short, so that they are as exact as plain ones. */
  private static final int PART = PackedWeight.PART / CHUNK;

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

  // What begins at an address, and bytes to where the next tile or place has its own.
  private static final int LEFT = 0;
  private static final int LEFT_TILE = 8;
  private static final int LEFT_PLACE = 16;
  private static final int LEFT_NUMBERS = 24;
  private static final int LEFT_NUMBERS_TILE = 32;
  private static final int LEFT_NUMBERS_PLACE = 40;
  private static final int RIGHT = 48;
  private static final int RIGHT_PLACE = 56;
  private static final int RIGHT_NUMBERS = 64;
  private static final int RIGHT_NUMBERS_PLACE = 72;
  private static final int C = 80;
  private static final int C_ROW = 88;
  private static final int C_TILE = 96;
  private static final int C_PLACE = 104;

  private static final int CHUNKS = 112;
  private static final int PART_CHUNKS = 120;
  private static final int TILES = 128;
  private static final int PLACES = 136;
  private static final int ADD = 144;
  private static final int NEXT = 152;
  private static final int NEXT_BASE = 160;

  private static final int LEFT_NOW = 168;
  private static final int LEFT_NUMBERS_NOW = 176;
  private static final int C_NOW = 184;
  private static final int TILES_LEFT = 192;

  PairTile {
    if (rows < 1 || rows > ROWS || vectors < 1 || vectors > VectorLevel.VECTORS) {
      throw new IllegalArgumentException(rows + " rows of " + vectors + " vectors");
    }
  }

  /** Chunks of a part of a product, all but perhaps the last, of so many values of K. */
  static int partChunks(int k) {
    return PackedWeight.partLength(k) / CHUNK;
  }

  /** The same with parts of at most so many chunks. */
  static int partChunks(int k, int most) {
    int chunks = k / CHUNK;
    return Math.ceilDiv(chunks, Math.ceilDiv(chunks, most));
  }

  /** Parts of a product of so many values of K. */
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
    a.mov(Gpr.R12, argument(NEXT));
    if (!fetches) {
      a.mov(Gpr.R13, argument(LEFT_TILE));
    }
    CodeBuffer.Label place = a.here();
    copy(a, LEFT_NOW, LEFT);
    copy(a, LEFT_NUMBERS_NOW, LEFT_NUMBERS);
    copy(a, C_NOW, C);
    copy(a, TILES_LEFT, TILES);
    CodeBuffer.Label tile = a.here();
    a.mov(Gpr.R8, argument(LEFT_NOW));
    a.mov(Gpr.RBX, argument(LEFT_NUMBERS_NOW));
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
      } else if (!fetches && k == 0) {
        for (int i = 0; i < rows; i++) { // the same of the next tile
          a.prefetcht0(Mem.at(Gpr.R8, Gpr.R13, CHUNK * Float.BYTES * i));
        }
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
    a.mov(Gpr.RAX, argument(C_NOW));
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
    advance(a, LEFT_NOW, LEFT_TILE);
    advance(a, LEFT_NUMBERS_NOW, LEFT_NUMBERS_TILE);
    advance(a, C_NOW, C_TILE);
    a.dec(argument(TILES_LEFT));
    a.jump(Condition.NOT_EQUAL, tile);
    advance(a, LEFT, LEFT_PLACE);
    advance(a, LEFT_NUMBERS, LEFT_NUMBERS_PLACE);
    advance(a, RIGHT, RIGHT_PLACE);
    advance(a, RIGHT_NUMBERS, RIGHT_NUMBERS_PLACE);
    advance(a, C, C_PLACE);
    a.dec(argument(PLACES));
    a.jump(Condition.NOT_EQUAL, place);
    a.vzeroupper();
    a.pop(Gpr.R13);
    a.pop(Gpr.R12);
    a.pop(Gpr.RBX);
    a.ret();
    return a.code();
  }

  private static void copy(X64Assembler a, int to, int from) {
    a.mov(Gpr.RAX, argument(from));
    a.mov(argument(to), Gpr.RAX);
  }

  private static void advance(X64Assembler a, int address, int step) {
    a.mov(Gpr.RAX, argument(step));
    a.add(argument(address), Gpr.RAX);
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
   * Enters the left factor. Addresses and their extents are the caller's to check, here and below.
   *
   * @param values address of the first tile's, and bytes to the next tile's and the next place's
   * @param numbers the same of its rows' numbers
   */
  static Frame left(
      Frame f,
      long values,
      long valuesTile,
      long valuesPlace,
      long numbers,
      long numbersTile,
      long numbersPlace) {
    return f.set(LEFT, values)
        .set(LEFT_TILE, valuesTile)
        .set(LEFT_PLACE, valuesPlace)
        .set(LEFT_NUMBERS, numbers)
        .set(LEFT_NUMBERS_TILE, numbersTile)
        .set(LEFT_NUMBERS_PLACE, numbersPlace);
  }

  /**
   * Enters the right factor.
   *
   * @param k values of K, a multiple of {@link #CHUNK}, at least that
   * @param partChunks chunks of a part
   * @param panel its address, and bytes to the next place's
   * @param numbers the same of its columns' numbers
   */
  static Frame right(
      Frame f,
      int k,
      int partChunks,
      long panel,
      long panelPlace,
      long numbers,
      long numbersPlace) {
    return f.set(CHUNKS, chunks(k))
        .set(PART_CHUNKS, Range.positive("chunks of a part", partChunks))
        .set(RIGHT, panel)
        .set(RIGHT_PLACE, panelPlace)
        .set(RIGHT_NUMBERS, numbers)
        .set(RIGHT_NUMBERS_PLACE, numbersPlace);
  }

  /**
   * Enters where the result goes.
   *
   * @param c address of the first tile's, rows {@code row} bytes apart, tile below tile
   * @param place bytes to the next place's
   * @param add whether the result is added to
   */
  Frame result(Frame f, long c, long row, long place, int tiles, int places, boolean add) {
    return f.set(C, c)
        .set(C_ROW, row)
        .set(C_TILE, rows * row)
        .set(C_PLACE, place)
        .set(TILES, Range.positive("tiles", tiles))
        .set(PLACES, Range.positive("places", places))
        .set(ADD, add ? 1 : 0);
  }

  /** Enters a {@link FetchTable}'s entries and what they are added to. */
  static Frame fetching(Frame f, long entries, long base) {
    return f.set(NEXT, entries).set(NEXT_BASE, base);
  }

  /** The number of chunks of so many values. */
  static int chunks(int k) {
    if (k % CHUNK != 0) {
      throw new IllegalArgumentException("values: " + k);
    }
    return Range.positive("values", k) / CHUNK;
  }

  /** Two places, two tiles, two parts and a shorter one; written, then added to. */
  @Override
  public @Nullable String fault(Code page) {
    int columns = 16 * vectors;
    int k = (2 * PART - 1) * CHUNK;
    int parts = parts(k);
    int partValues = CHUNK * partChunks(k);
    long tileNumbers = (long) ROW_NUMBERS * rows * parts + ROW_NUMBERS_END;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment a = arena.allocate(4L * 4 * rows * k, 64);
      MemorySegment b = arena.allocate(4L * 2 * k * columns, 64);
      MemorySegment c = arena.allocate(4L * 4 * rows * columns, 64);
      MemorySegment rowNumbers = arena.allocate(4 * tileNumbers, 64);
      MemorySegment columnNumbers = arena.allocate(4L * 2 * 2 * columns * parts, 64);
      MemorySegment next = arena.allocate(8L * 4 * FETCHES * k / CHUNK, 64);
      float[] left = Trial.fill(a, 37);
      float[] right = Trial.fill(b, 53);
      float[] ofRows = Trial.fill(rowNumbers, 29);
      float[] ofColumns = Trial.fill(columnNumbers, 31);
      float[] expected = new float[4 * rows * columns];
      for (int i = 0; i < 4 * rows; i++) {
        int tile = i / rows;
        for (int j = 0; j < columns; j++) {
          for (int part = 0; part < parts; part++) {
            int row = tile * (int) tileNumbers / 4 + (part * rows + i % rows) * 2;
            int column = (tile / 2 * parts + part) * 2 * columns + j;
            float sum = ofRows[row] + ofColumns[column];
            for (int p = part * partValues; p < Math.min(k, (part + 1) * partValues); p++) {
              int x = tile * rows * k + (p / CHUNK * rows + i % rows) * CHUNK + p % CHUNK;
              int y = (tile / 2 * k + p) * columns + j;
              sum += left[x] * right[y];
              sum += pair(p) ? left[x] * left[x + 1] + right[y] * right[y + columns] : 0;
            }
            expected[i * columns + j] += sum * ofRows[row + 1] * ofColumns[column + columns];
          }
        }
      }
      for (int turn = 1; turn <= 2; turn++) {
        Frame f = fetching(new Frame(), next.address(), b.address());
        long leftTile = 4L * rows * k;
        left(
            f,
            a.address(),
            leftTile,
            2 * leftTile,
            rowNumbers.address(),
            tileNumbers,
            2 * tileNumbers);
        long numbersPlace = 4L * 2 * columns * parts;
        right(
            f,
            k,
            partChunks(k),
            b.address(),
            4L * k * columns,
            columnNumbers.address(),
            numbersPlace);
        result(f, c.address(), 4L * columns, 4L * 2 * rows * columns, 2, 2, turn > 1).call(page);
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
