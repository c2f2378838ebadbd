package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The right factor of a product: a stored matrix that is copied into panels.
 *
 * @param base its first element
 * @param ld distance of columns if {@code alongK}, else of values of one column
 * @param alongK whether the values of a column lie one after the other
 */
record RightMatrix(MemorySegment segment, DType type, long base, long ld, boolean alongK)
    implements RightFactor {
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
      rest(column, present, k, 0, count, whole * vectors, panel, at, width);
      return;
    }
    int squares = count / vectors;
    if (squares > 0) {
      turn(kit, frame, column, present, k, squares, panel.address() + at, width);
    }
    if (squares * vectors < count) {
      rest(column, present, k, squares * vectors, count, 0, panel, at, width);
    }
  }

  private void turn(
      Kit kit, Frame frame, int column, int present, int k, int squares, long to, int width) {
    Code page = kit.pack(type, true);
    PackCode pack = new PackCode(type, true);
    int length = squares * PackCode.LANES;
    MemorySegment zeros = NativeScratch.get(NativeScratch.Part.ZEROS, 4L * length);
    long[] columns = new long[PackCode.LANES];
    for (int j = 0; j < width; j += PackCode.LANES) {
      Arrays.fill(columns, zeros.address());
      for (int i = 0; i < PackCode.LANES && j + i < present; i++) {
        columns[i] = address(column + j + i, k, length);
      }
      pack.runTurned(page, frame, columns, to + 4L * j, 4L * width, squares);
    }
  }

  /** What no whole vector is left for: some values of K, of columns from {@code first} on. */
  private void rest(
      int column,
      int present,
      int k,
      int fromK,
      int toK,
      int first,
      MemorySegment panel,
      long at,
      int width) {
    for (int p = fromK; p < toK; p++) {
      for (int j = first; j < width; j++) {
        float value =
            j < present ? Numbers.get(segment, type, index(column + j, (long) k + p)) : 0f;
        panel.set(JAVA_FLOAT, at + 4L * ((long) p * width + j), value);
      }
    }
  }
}
