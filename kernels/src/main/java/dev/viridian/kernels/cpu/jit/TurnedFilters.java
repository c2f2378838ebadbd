package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.ConvProblem;
import java.lang.foreign.MemorySegment;

/**
 * The weight of a convolution as that of the convolution that takes gradients back to its input:
 * filters for the input's channels, of the taps in reverse order and the output's channels.
 *
 * @param weight [outC, taps, c] of the problem's type
 */
record TurnedFilters(MemorySegment weight, ConvProblem p) implements RightFactor {
  @Override
  public void pack(
      Kit kit, int column, int present, int k, int count, MemorySegment panel, long at, int width) {
    int taps = p.kh() * p.kw();
    long filter = (long) taps * p.c();
    for (int done = 0; done < count; ) {
      int tap = (k + done) / p.outC();
      int channel = (k + done) % p.outC();
      int length = Math.min(count - done, p.outC() - channel);
      new RightMatrix(weight, p.weight(), (taps - 1L - tap) * p.c(), filter, false)
          .pack(kit, column, present, channel, length, panel, at + 4L * width * done, width);
      done += length;
    }
  }
}
