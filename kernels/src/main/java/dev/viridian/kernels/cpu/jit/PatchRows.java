package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.cpu.threads.Workers;
import java.lang.foreign.MemorySegment;

/**
 * Patches of a map, unfolded in memory, each a row of one segment: for products by {@link
 * PairTile}, which takes no others and copies rows anyway. Pixels of the result go band by band.
 */
final class PatchRows implements LeftRows {
  /** Bytes of a band, about: it should stay in the last cache. */
  private static final long BAND = 12 << 20;

  /** Pixels that a task unfolds. */
  private static final int TASK = 16;

  private final Workers workers;
  private final ConvProblem p;
  private final MemorySegment map;
  private final int pixels;
  private final int most;
  private final MemorySegment memory;

  /**
   * Room for a band.
   *
   * @param map x, of its full size, checked
   * @param pixels of the result
   */
  PatchRows(Workers workers, ConvProblem p, MemorySegment map, int pixels) {
    this.workers = workers;
    this.p = p;
    this.map = map;
    this.pixels = pixels;
    int bands = Math.toIntExact(Math.ceilDiv(pixels * rowBytes(), BAND));
    most = Math.ceilDiv(pixels, bands); // evenly: no band is a thin rest
    memory = NativeScratch.get(NativeScratch.Part.PATCHES, most * rowBytes());
  }

  private long rowBytes() {
    return 4L * length();
  }

  /** Unfolds as many pixels from one on as have room. Returns how many. */
  int unfold(int first) {
    int count = Math.min(most, pixels - first);
    workers.run(
        Math.ceilDiv(count, TASK),
        task -> {
          for (int i = task * TASK; i < Math.min(count, (task + 1) * TASK); i++) {
            unfold(first + i, i * rowBytes());
          }
        });
    return count;
  }

  private void unfold(int pixel, long to) {
    int x = pixel % p.outW();
    int y = pixel / p.outW() % p.outH();
    int image = pixel / p.outW() / p.outH();
    long tapBytes = 4L * p.c();
    for (int tap = 0; tap < p.kh() * p.kw(); tap++) {
      long from = MapPixels.pixel(p, image, y, x, tap);
      if (from >= 0) {
        MemorySegment.copy(map, from * tapBytes, memory, to + tap * tapBytes, tapBytes);
      } else {
        memory.asSlice(to + tap * tapBytes, tapBytes).fill((byte) 0);
      }
    }
  }

  @Override
  public int segments() {
    return 1;
  }

  @Override
  public int length() {
    return Math.multiplyExact(p.kh() * p.kw(), p.c());
  }

  @Override
  public void enter(int row, int count, RowTable table) {
    for (int i = 0; i < count; i++) {
      table.set(i, 0, Range.address(memory, (row + i) * rowBytes(), rowBytes()));
    }
  }
}
