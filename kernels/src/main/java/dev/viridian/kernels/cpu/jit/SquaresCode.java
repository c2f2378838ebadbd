package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The products of minimal filtering at one place of all squares: groups of tiles times panels of
 * filters, over all channels. Both factors lie in the order in which they are read. Sums of {@link
 * WinogradCode#PART} channels are added up in memory: for exactness.
 *
 * @param rows tiles of a group, 1 to the level's
 * @param vectors in a row of a panel, 1 to {@link VectorLevel#VECTORS}
 */
record SquaresCode(VectorLevel level, int rows, int vectors) implements Generated {
  /** Channels that lie together: a group is, for each so many, {@code rows} × so many values. */
  static final int CHANNELS = 16;

  private static final int CHUNK_BYTES = Float.BYTES * CHANNELS;

  private static final int A = 0;
  private static final int A_GROUP = 8;
  private static final int CHUNKS = 16;
  private static final int B = 24;
  private static final int B_PANEL = 32;
  private static final int C = 40;
  private static final int C_ROW = 48;
  private static final int C_GROUP = 56;
  private static final int GROUPS = 64;
  private static final int PANELS = 72;
  private static final int A_NOW = 80;
  private static final int C_NOW = 88;
  private static final int GROUPS_LEFT = 96;

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
    CodeBuffer.Label panel = a.here();
    copy(a, A_NOW, A);
    copy(a, C_NOW, C);
    copy(a, GROUPS_LEFT, GROUPS);
    CodeBuffer.Label group = a.here();
    a.mov(Gpr.R8, argument(A_NOW));
    a.mov(Gpr.RSI, argument(B));
    a.mov(Gpr.R9, argument(CHUNKS));
    a.xor(Gpr.R11, Gpr.R11); // whether there are sums already
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
    a.mov(Gpr.RAX, argument(A_GROUP));
    a.add(argument(A_NOW), Gpr.RAX);
    a.mov(Gpr.RAX, argument(C_GROUP));
    a.add(argument(C_NOW), Gpr.RAX);
    a.dec(argument(GROUPS_LEFT));
    a.jump(Condition.NOT_EQUAL, group);
    a.mov(Gpr.RAX, argument(B_PANEL));
    a.add(argument(B), Gpr.RAX);
    a.add(argument(C), sums.rowBytes());
    a.dec(argument(PANELS));
    a.jump(Condition.NOT_EQUAL, panel);
    a.vzeroupper();
    a.ret();
    return a.code();
  }

  private static void copy(X64Assembler a, int to, int from) {
    a.mov(Gpr.RAX, argument(from));
    a.mov(argument(to), Gpr.RAX);
  }

  /**
   * Multiplies. Addresses and their extents are the caller's to check.
   *
   * @param a address of the first group
   * @param aGroup bytes from group to group
   * @param channels a multiple of {@link #CHANNELS}, at least that
   * @param b address of the first panel: channel by channel, a row of the panel each
   * @param bPanel bytes from panel to panel
   * @param c address of the result; a panel's columns lie behind those of the panel before
   * @param cRow bytes from row to row
   */
  void run(
      Code page,
      Frame f,
      long a,
      long aGroup,
      int channels,
      long b,
      long bPanel,
      long c,
      long cRow,
      int groups,
      int panels) {
    if (channels % CHANNELS != 0) {
      throw new IllegalArgumentException("channels: " + channels);
    }
    f.set(A, a)
        .set(A_GROUP, aGroup)
        .set(CHUNKS, Range.positive("channels", channels) / CHANNELS)
        .set(B, b)
        .set(B_PANEL, bPanel)
        .set(C, c)
        .set(C_ROW, cRow)
        .set(C_GROUP, rows * cRow)
        .set(GROUPS, Range.positive("groups", groups))
        .set(PANELS, Range.positive("panels", panels))
        .call(page);
  }

  /** Two groups by two panels, of less than a part, of a part and of one and a half. */
  @Override
  public @Nullable String fault(Code page) {
    int width = vectors * level.lanes();
    int most = 3 * CHANNELS;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment a = arena.allocate(4L * 2 * rows * most, 64);
      MemorySegment b = arena.allocate(4L * 2 * most * width, 64);
      MemorySegment c = arena.allocate(4L * 2 * rows * 2 * width, 64);
      for (int i = 0; i < 2 * rows * most; i++) {
        a.setAtIndex(JAVA_FLOAT, i, (i * 37 % 101 - 50) / 64f);
      }
      for (int i = 0; i < 2 * most * width; i++) {
        b.setAtIndex(JAVA_FLOAT, i, (i * 53 % 101 - 50) / 64f);
      }
      for (int channels = CHANNELS; channels <= most; channels += CHANNELS) {
        run(
            page,
            new Frame(),
            a.address(),
            4L * rows * most,
            channels,
            b.address(),
            4L * most * width,
            c.address(),
            8L * width,
            2,
            2);
        for (int i = 0; i < 2 * rows; i++) {
          for (int j = 0; j < 2 * width; j++) {
            double expected = 0;
            for (int k = 0; k < channels; k++) {
              int chunk = (i / rows * most + k / CHANNELS * CHANNELS) * rows;
              long at = chunk + (long) i % rows * CHANNELS + k % CHANNELS;
              long right = ((long) j / width * most + k) * width + j % width;
              double value = a.getAtIndex(JAVA_FLOAT, at);
              expected += value * b.getAtIndex(JAVA_FLOAT, right);
            }
            float actual = c.getAtIndex(JAVA_FLOAT, (long) i * 2 * width + j);
            if (!(Math.abs(actual - expected) <= 1e-4)) {
              return channels
                  + " channels, row "
                  + i
                  + ", column "
                  + j
                  + ": "
                  + actual
                  + ", expected "
                  + expected;
            }
          }
        }
      }
      return null;
    }
  }
}
