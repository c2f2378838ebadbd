package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.ConvProblem;

/**
 * The pixels that each pixel of a convolution's result is made of: each tap of the kernel is a
 * segment, a tap outside of the map one of zeros.
 *
 * @param map address of the input
 * @param zeros address of as many zeros as a pixel has channels
 */
record MapPixels(ConvProblem p, long map, long zeros) implements LeftRows {
  @Override
  public int segments() {
    return p.kh() * p.kw();
  }

  @Override
  public int length() {
    return p.c();
  }

  @Override
  public void enter(int row, int count, RowTable table) {
    int x = row % p.outW();
    int y = row / p.outW() % p.outH();
    int image = row / p.outW() / p.outH();
    for (int i = 0; i < count; i++) {
      for (int tap = 0; tap < segments(); tap++) {
        long pixel = pixel(p, image, y, x, tap);
        table.set(i, tap, pixel >= 0 ? map + 4 * pixel * p.c() : zeros);
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

  /** The pixel of the input under a tap of an output's pixel; −1 outside. */
  static long pixel(ConvProblem p, long image, int y, int x, int tap) {
    int sourceY = y * p.strideH() + tap / p.kw() * p.dilationH() - p.padTop();
    int sourceX = x * p.strideW() + tap % p.kw() * p.dilationW() - p.padLeft();
    boolean inside = sourceY >= 0 && sourceY < p.h() && sourceX >= 0 && sourceX < p.w();
    return inside ? (image * p.h() + sourceY) * p.w() + sourceX : -1;
  }
}
