package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The products of minimal filtering, place by place of the squares: groups of tiles times panels of
 * filters, over all channels. Both factors lie in the order in which they are read. Sums of {@link
 * WinogradCode#PART} channels are added up in memory: for exactness.
 *
 * @param rows tiles of a group, 1 to the level's
 * @param vectors in a row of a panel, 1 to {@link VectorLevel#VECTORS}
 * @param fetches whether it fetches what the next filters are made of towards the second cache,
 *     some cache lines with every {@link #CHANNELS}: memory is read while the multipliers work
 */
record SquaresCode(VectorLevel level, int rows, int vectors, boolean fetches) implements Generated {
  /** Channels that lie together: a group is, for each so many, {@code rows} × so many values. */
  static final int CHANNELS = 16;

  private static final int CHUNK_BYTES = Float.BYTES * CHANNELS;

  private static final int A = 0;
  private static final int A_GROUP = 8;
  private static final int A_PLACE = 16;
  private static final int GROUPS = 24;
  private static final int CHUNKS = 32;
  private static final int B = 40;
  private static final int B_PANEL = 48;
  private static final int B_PLACE = 56;
  private static final int PANELS = 64;
  private static final int C = 72;
  private static final int C_ROW = 80;
  private static final int C_GROUP = 88;
  private static final int C_PLACE = 96;
  private static final int PLACES = 104;
  private static final int ADD = 112;
  private static final int A_NOW = 120;
  private static final int B_NOW = 128;
  private static final int C_PANEL = 136;
  private static final int C_NOW = 144;
  private static final int GROUPS_LEFT = 152;
  private static final int PANELS_LEFT = 160;

  /** Address of the next offset to fetch from, and what offsets are added to. */
  private static final int NEXT = 168;

  private static final int NEXT_BASE = 176;

  SquaresCode(VectorLevel level, int rows, int vectors) {
    this(level, rows, vectors, false);
  }

  SquaresCode {
    if (rows < 1 || rows > level.rows() || vectors < 1 || vectors > VectorLevel.VECTORS) {
      throw new IllegalArgumentException(rows + " rows of " + vectors + " vectors");
    }
  }

  private TileSums sums() {
    return new TileSums(level, rows, vectors);
  }

  @Override
  public byte[] code() {
    TileSums sums = sums();
    X64Assembler a = new X64Assembler();
    CodeBuffer.Label place = a.here();
    copy(a, B_NOW, B);
    copy(a, C_PANEL, C);
    copy(a, PANELS_LEFT, PANELS);
    CodeBuffer.Label panel = a.here();
    copy(a, A_NOW, A);
    copy(a, C_NOW, C_PANEL);
    copy(a, GROUPS_LEFT, GROUPS);
    CodeBuffer.Label group = a.here();
    a.mov(Gpr.R8, argument(A_NOW));
    a.mov(Gpr.RSI, argument(B_NOW));
    a.mov(Gpr.R9, argument(CHUNKS));
    a.mov(Gpr.R11, argument(ADD)); // whether there are sums already
    a.mov(Gpr.RDX, argument(C_ROW));
    CodeBuffer.Label part = a.here();
    CodeBuffer.Label end = a.label();
    CodeBuffer.Label first = a.label();
    sums.zero(a);
    a.mov(Gpr.R10, WinogradCode.PART / CHANNELS);
    a.align(32);
    CodeBuffer.Label chunk = a.here();
    for (int k = 0; k < CHANNELS; k++) {
      int at = Float.BYTES * k;
      sums.step(a, Gpr.RSI, k * sums.rowBytes(), i -> Mem.at(Gpr.R8, CHUNK_BYTES * i + at));
      if (k == 0) {
        a.mov(Gpr.RCX, argument(A_GROUP));
        for (int i = 0; i < rows; i++) { // the same of the next group
          a.prefetcht0(Mem.at(Gpr.R8, Gpr.RCX, CHUNK_BYTES * i));
        }
      }
      if (fetches && k % (CHANNELS / fetchesOfChunk()) == 1) {
        fetch(a);
      }
    }
    a.add(Gpr.R8, CHUNK_BYTES * rows);
    a.add(Gpr.RSI, CHANNELS * sums.rowBytes());
    a.dec(Gpr.R9);
    a.jump(Condition.EQUAL, end);
    a.dec(Gpr.R10);
    a.jump(Condition.NOT_EQUAL, chunk);
    a.bind(end);
    a.mov(Gpr.RAX, argument(C_NOW));
    a.test(Gpr.R11, Gpr.R11);
    a.jump(Condition.EQUAL, first);
    sums.add(a);
    a.bind(first);
    sums.write(a);
    a.mov(Gpr.R11, 1);
    a.test(Gpr.R9, Gpr.R9);
    a.jump(Condition.NOT_EQUAL, part);
    advance(a, A_NOW, A_GROUP);
    advance(a, C_NOW, C_GROUP);
    a.dec(argument(GROUPS_LEFT));
    a.jump(Condition.NOT_EQUAL, group);
    advance(a, B_NOW, B_PANEL);
    a.add(argument(C_PANEL), sums.rowBytes());
    a.dec(argument(PANELS_LEFT));
    a.jump(Condition.NOT_EQUAL, panel);
    advance(a, A, A_PLACE);
    advance(a, B, B_PLACE);
    advance(a, C, C_PLACE);
    a.dec(argument(PLACES));
    a.jump(Condition.NOT_EQUAL, place);
    a.vzeroupper();
    a.ret();
    return a.code();
  }

  /** Entries of a {@link FetchTable} that are read with so many channels of a group. */
  private int fetchesOfChunk() {
    return rows <= 4 ? 4 : 2;
  }

  private static void fetch(X64Assembler a) {
    a.mov(Gpr.RAX, argument(NEXT));
    a.mov(Gpr.RAX, Mem.at(Gpr.RAX));
    a.add(Gpr.RAX, argument(NEXT_BASE));
    a.prefetcht1(Mem.at(Gpr.RAX));
    a.prefetcht1(Mem.at(Gpr.RAX, 64));
    a.add(argument(NEXT), Long.BYTES);
  }

  private static void copy(X64Assembler a, int to, int from) {
    a.mov(Gpr.RAX, argument(from));
    a.mov(argument(to), Gpr.RAX);
  }

  private static void advance(X64Assembler a, int address, int step) {
    a.mov(Gpr.RAX, argument(step));
    a.add(argument(address), Gpr.RAX);
  }

  /**
   * Enters the squares. Addresses and their extents are the caller's to check, here and below.
   *
   * @param a address of the first group at the first place
   * @param group bytes from group to group
   * @param place bytes from place to place
   * @param channels a multiple of {@link #CHANNELS}, at least that
   */
  static Frame squares(Frame f, long a, long group, long place, int groups, int channels) {
    if (channels % CHANNELS != 0) {
      throw new IllegalArgumentException("channels: " + channels);
    }
    return f.set(A, a)
        .set(A_GROUP, group)
        .set(A_PLACE, place)
        .set(GROUPS, Range.positive("groups", groups))
        .set(CHUNKS, Range.positive("channels", channels) / CHANNELS);
  }

  /**
   * Enters the filters.
   *
   * @param b address of the first panel: channel by channel, a row of the panel each
   * @param panel bytes from panel to panel
   * @param place bytes from place to place
   */
  static Frame filters(Frame f, long b, long panel, long place, int panels) {
    return f.set(B, b)
        .set(B_PANEL, panel)
        .set(B_PLACE, place)
        .set(PANELS, Range.positive("panels", panels));
  }

  /**
   * Enters where sums go.
   *
   * @param c address of the first; a panel's columns lie behind those of the panel before
   * @param row bytes from row to row
   * @param place bytes from place to place
   * @param add whether the sums there are added to
   */
  Frame result(Frame f, long c, long row, long place, int places, boolean add) {
    return f.set(C, c)
        .set(C_ROW, row)
        .set(C_GROUP, rows * row)
        .set(C_PLACE, place)
        .set(PLACES, Range.positive("places", places))
        .set(ADD, add ? 1 : 0);
  }

  /** Entries of a {@link FetchTable} that one call reads. */
  long fetches(int channels, int groups, int panels, int places) {
    return (long) fetchesOfChunk() * (channels / CHANNELS) * groups * panels * places;
  }

  /** Enters a {@link FetchTable}'s entries and what they are added to. */
  static Frame fetching(Frame f, long entries, long base) {
    return f.set(NEXT, entries).set(NEXT_BASE, base);
  }

  /**
   * Two places of two groups by two panels, of less than a part, of a part, and of one and a half;
   * the last added to.
   */
  @Override
  public @Nullable String fault(Code page) {
    int width = vectors * level.lanes();
    int most = 3 * CHANNELS;
    long left = (long) 2 * rows * most;
    long right = (long) 2 * most * width;
    long sums = (long) 2 * rows * 2 * width;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment a = arena.allocate(4 * 2 * left, 64);
      MemorySegment b = arena.allocate(4 * 2 * right, 64);
      MemorySegment c = arena.allocate(4 * 2 * sums, 64);
      MemorySegment next = arena.allocate(8 * fetches(most, 2, 2, 2), 64);
      float[] as = Trial.fill(a, 37);
      float[] bs = Trial.fill(b, 53);
      for (int turn = 1; turn <= 4; turn++) {
        int channels = Math.min(turn, 3) * CHANNELS;
        Frame f = fetching(new Frame(), next.address(), b.address());
        squares(f, a.address(), 2 * left, 4 * left, 2, channels);
        filters(f, b.address(), 2 * right, 4 * right, 2);
        result(f, c.address(), 8L * width, 4 * sums, 2, turn == 4).call(page);
        float[] actual = c.toArray(JAVA_FLOAT);
        for (int i = 0; i < actual.length; i++) {
          int row = i / (2 * width);
          int column = i % (2 * width);
          int panel = row / (2 * rows) * 2 + column / width;
          float expected = 0;
          for (int k = 0; k < channels; k += CHANNELS) {
            int at = (row / rows * most + k) * rows + row % rows * CHANNELS;
            int first = (panel * most + k) * width + column % width;
            expected += Trial.dot(as, at, bs, first, width, CHANNELS);
          }
          expected *= turn == 4 ? 2 : 1;
          if (!(Math.abs(actual[i] - expected) <= 1e-4)) {
            return "turn " + turn + ", value " + i + ": " + actual[i] + ", expected " + expected;
          }
        }
      }
      return null;
    }
  }
}
