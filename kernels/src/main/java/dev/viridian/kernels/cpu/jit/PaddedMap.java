package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.ConvProblem;
import java.lang.foreign.MemorySegment;

/**
 * The pixels that each pixel of a convolution's result is made of, where a pixel has few channels:
 * the map is copied with its border of zeros, so that the taps of one row of the kernel lie side by
 * side and are one segment. With {@link MapPixels} each tap of a few values would be one of its
 * own.
 */
final class PaddedMap implements LeftRows {
  /** With more values of a tap, segments are long enough. */
  private static final int MOST_CHANNELS = 16;

  /** Most bytes of a copy. */
  private static final long MOST_BYTES = 8 << 20;

  private final ConvProblem p;
  private final MemorySegment memory;
  private final long rowBytes;
  private final long imageBytes;

  /**
   * Copies a map.
   *
   * @param map x, of its full size, checked
   */
  PaddedMap(ConvProblem p, MemorySegment map) {
    this.p = p;
    long pixel = 4L * p.c();
    rowBytes = rowBytes(p);
    imageBytes = rows(p) * rowBytes;
    memory = NativeScratch.get(NativeScratch.Part.BORDERED, p.n() * imageBytes);
    long left = p.padLeft() * pixel;
    long inside = p.w() * pixel;
    for (int image = 0; image < p.n(); image++) {
      long to = image * imageBytes;
      memory.asSlice(to, p.padTop() * rowBytes).fill((byte) 0);
      to += p.padTop() * rowBytes;
      for (int y = 0; y < p.h(); y++) {
        memory.asSlice(to, left).fill((byte) 0);
        long from = ((long) image * p.h() + y) * inside;
        MemorySegment.copy(map, from, memory, to + left, inside);
        memory.asSlice(to + left + inside, p.padRight() * pixel).fill((byte) 0);
        to += rowBytes;
      }
      memory.asSlice(to, p.padBottom() * rowBytes).fill((byte) 0);
    }
  }

  private static long rowBytes(ConvProblem p) {
    return ((long) p.w() + p.padLeft() + p.padRight()) * 4 * p.c();
  }

  private static long rows(ConvProblem p) {
    return (long) p.h() + p.padTop() + p.padBottom();
  }

  /** Whether a copy is small, and makes segments fewer. */
  static boolean takes(ConvProblem p) {
    return p.c() <= MOST_CHANNELS
        && p.kw() > 1
        && p.dilationW() == 1
        && p.n() * rows(p) * rowBytes(p) <= MOST_BYTES;
  }

  @Override
  public int segments() {
    return p.kh();
  }

  @Override
  public int length() {
    return p.kw() * p.c();
  }

  @Override
  public void enter(int row, int count, RowTable table) {
    int x = row % p.outW();
    int y = row / p.outW() % p.outH();
    long image = row / p.outW() / p.outH();
    long pixel = 4L * p.strideW() * p.c();
    for (int i = 0; i < count; i++) {
      long at = image * imageBytes + y * p.strideH() * rowBytes + x * pixel;
      for (int s = 0; s < p.kh(); s++) {
        long from = at + s * p.dilationH() * rowBytes;
        table.set(i, s, Range.address(memory, from, 4L * length()));
      }
      if (++x == p.outW()) {
        x = 0;
        if (++y == p.outH()) {
          y = 0;
          image++;
        }
      }
    }
  }
}
