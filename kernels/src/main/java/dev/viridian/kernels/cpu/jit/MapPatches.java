package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.MemorySegment;

/**
 * The right factor that takes gradients of a convolution's output to those of its weight: a column
 * is a tap and a channel, a value of K what lies under it at a pixel of the output.
 *
 * @param map the input
 */
record MapPatches(MemorySegment map, ConvProblem p) implements RightFactor {
  @Override
  public void pack(
      Kit kit, int column, int present, int k, int count, MemorySegment panel, long at, int width) {
    Range.address(panel, at, 4L * width * count);
    if (present < width) {
      panel.asSlice(at, 4L * width * count).fill((byte) 0);
    }
    for (int done = 0; done < count; ) { // row by row of the output
      int x = (k + done) % p.outW();
      int length = Math.min(count - done, p.outW() - x);
      for (int j = 0; j < present; ) { // tap by tap
        int channel = (column + j) % p.c();
        int run = Math.min(p.c() - channel, present - j);
        long to = at + 4L * ((long) width * done + j);
        tap(kit, k + done, length, (column + j) / p.c(), channel, run, panel, to, width);
        j += run;
      }
      done += length;
    }
  }

  /** Some channels of a tap at pixels of one row of the output, from {@code pixel} on. */
  private void tap(
      Kit kit,
      int pixel,
      int length,
      int tap,
      int channel,
      int run,
      MemorySegment panel,
      long to,
      int width) {
    int x = pixel % p.outW();
    int y = pixel / p.outW() % p.outH();
    long image = pixel / p.outW() / p.outH();
    int first = 0;
    while (first < length && MapPixels.pixel(p, image, y, x + first, tap) < 0) {
      panel.asSlice(to + 4L * width * first, 4L * run).fill((byte) 0);
      first++;
    }
    int end = length;
    while (end > first && MapPixels.pixel(p, image, y, x + end - 1, tap) < 0) {
      end--;
      panel.asSlice(to + 4L * width * end, 4L * run).fill((byte) 0);
    }
    if (first < end) {
      long from = MapPixels.pixel(p, image, y, x + first, tap) * p.c() + channel;
      copy(kit, from, end - first, run, panel, to + 4L * width * first, width);
    }
  }

  /** Pixels that are all there, a stride apart. */
  private void copy(
      Kit kit, long from, int pixels, int run, MemorySegment panel, long to, int width) {
    long step = (long) p.strideW() * p.c();
    int whole = run / PackCode.LANES;
    if (whole > 0) {
      long values = (pixels - 1) * step + (long) whole * PackCode.LANES;
      long source = Range.address(map, 4 * from, 4 * values);
      long extent = (pixels - 1L) * width + (long) whole * PackCode.LANES;
      long target = Range.address(panel, to, 4 * extent);
      PackCode.runStraight(
          kit.pack(DType.F32, false),
          NativeScratch.frame(),
          source,
          4 * step,
          target,
          4L * width,
          whole,
          pixels);
    }
    for (int i = 0; i < pixels; i++) {
      for (int j = whole * PackCode.LANES; j < run; j++) {
        float value = Numbers.get(map, from + i * step + j);
        panel.set(JAVA_FLOAT, to + 4L * ((long) i * width + j), value);
      }
    }
  }
}
