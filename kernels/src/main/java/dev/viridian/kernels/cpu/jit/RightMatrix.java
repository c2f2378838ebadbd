package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Arrays;

/**
 * The right factor of a product: a stored matrix that is copied into panels.
 *
 * @param base its first element
 * @param ld distance of columns if {@code alongK}, else of values of one column
 * @param alongK whether the values of a column lie one after the other
 * @param fetches whether the values of a column that follow those copied are fetched meanwhile
 */
record RightMatrix(
    MemorySegment segment, DType type, long base, long ld, boolean alongK, boolean fetches)
    implements RightFactor {
  /** One that fetches what follows. */
  RightMatrix(MemorySegment segment, DType type, long base, long ld, boolean alongK) {
    this(segment, type, base, ld, alongK, true);
  }

  /** The same for who fetches what follows himself. */
  RightMatrix fetched() {
    return new RightMatrix(segment, type, base, ld, alongK, false);
  }

  /** Address of a value, which need not be there: for fetching only. */
  long place(long column, long k) {
    return segment.address() + index(column, k) * type.bytes();
  }

  /** Where values that a panel is made of lie, beginning with the first. */
  FetchTable places(int columns, int count, long entries) {
    return FetchTable.columns(columns, ld * type.bytes(), (long) count * type.bytes(), entries);
  }

  /** The same where values that lie {@code step} apart begin what is copied of each column. */
  FetchTable places(int columns, int pieces, long step, int count, long entries) {
    if (ld != pieces * step) {
      throw new IllegalArgumentException(pieces + " pieces of " + step + " values in " + ld);
    }
    return FetchTable.columns(
        columns * pieces, step * type.bytes(), (long) count * type.bytes(), entries);
  }

  private long index(long column, long k) {
    return base + (alongK ? column * ld + k : k * ld + column);
  }

  private long address(long column, long k, long count) {
    long at = index(column, k) * type.bytes();
    return Range.address(segment, at, count * type.bytes());
  }

  @Override
  public void pack(
      Kit kit, int column, int present, int k, int count, MemorySegment panel, long at, int width) {
    Range.address(panel, at, 4L * width * count);
    Frame frame = NativeScratch.frame();
    int vectors = PackCode.LANES;
    if (!alongK) {
      int whole = present / vectors;
      if (whole > 0) {
        long from = address(column, k, vectors * whole);
        address(column, k + count - 1L, vectors * whole);
        PackCode.runStraight(
            kit.pack(type, false),
            frame,
            from,
            ld * type.bytes(),
            panel.address() + at,
            4L * width,
            whole,
            count);
      }
      int end = Math.ceilDiv(present, vectors) * vectors;
      rest(column, present, k, 0, count, whole * vectors, end, panel, at, width);
      if (end < width) {
        int zeros = (width - end) / vectors;
        MemorySegment from = NativeScratch.get(NativeScratch.Part.ZEROS, 4L * zeros * vectors);
        long to = panel.address() + at + 4L * end;
        Code copy = kit.pack(DType.F32, false);
        PackCode.runStraight(copy, frame, from.address(), 0, to, 4L * width, zeros, count);
        Reference.reachabilityFence(from);
      }
      return;
    }
    int squares = count / vectors;
    int lines = count % TurnCode.LANES == 0 && spread() ? present / TurnCode.LANES : 0;
    for (int i = 0; i < lines; i++) {
      int first = i * TurnCode.LANES;
      long from = address(column + first, k, count);
      address(column + first + TurnCode.LANES - 1L, k, count);
      TurnCode.run(
          kit.turn(type),
          frame,
          from,
          ld * type.bytes(),
          panel.address() + at + 4L * first,
          4L * width,
          count / TurnCode.LANES,
          fetches ? (long) count * type.bytes() : 0);
    }
    int done = lines * TurnCode.LANES;
    if (squares > 0 && done < width) {
      turn(kit, frame, column, present, k, squares, done, panel.address() + at, width);
    }
    if (squares * vectors < count) {
      rest(column, present, k, squares * vectors, count, 0, width, panel, at, width);
    }
  }

  /** Whether sixteen columns fit into the first cache at once: not if all fall into one set. */
  private boolean spread() {
    return ld * type.bytes() % 4096 != 0;
  }

  /** Columns from {@code first} on, as many as are in the panel, zeros for those not present. */
  private void turn(
      Kit kit,
      Frame frame,
      int column,
      int present,
      int k,
      int squares,
      int first,
      long to,
      int width) {
    Code page = kit.pack(type, true);
    PackCode pack = new PackCode(type, true);
    int length = squares * PackCode.LANES;
    MemorySegment zeros = NativeScratch.get(NativeScratch.Part.ZEROS, 4L * length);
    long[] columns = new long[PackCode.LANES];
    for (int j = first; j < width; j += PackCode.LANES) {
      Arrays.fill(columns, zeros.address());
      for (int i = 0; i < PackCode.LANES && j + i < present; i++) {
        columns[i] = address(column + j + i, k, length);
      }
      pack.runTurned(page, frame, columns, to + 4L * j, 4L * width, squares);
    }
  }

  /** What no whole vector is left for: some values of K, of columns {@code first} to the end. */
  private void rest(
      int column,
      int present,
      int k,
      int fromK,
      int toK,
      int first,
      int end,
      MemorySegment panel,
      long at,
      int width) {
    for (int p = fromK; p < toK; p++) {
      for (int j = first; j < end; j++) {
        float value =
            j < present ? Numbers.get(segment, type, index(column + j, (long) k + p)) : 0f;
        panel.set(JAVA_FLOAT, at + 4L * ((long) p * width + j), value);
      }
    }
  }
}
