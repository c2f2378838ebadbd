package dev.viridian.kernels.cpu.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** The inner loops of {@link FewChannels}: vectors run along the channels of the result. */
final class ChannelTiles {
  private static final VectorSpecies<Float> FLOATS = VectorMath.FLOATS;

  /** Channels of the result are filled up to a multiple of this. */
  static final int LANES = FLOATS.length();

  /** Pixels of the result that are computed at once. */
  static final int PIXELS = 8;

  /** Channels of the map whose gradients of the filter are computed at once. */
  static final int CHANNELS = 8;

  private ChannelTiles() {}

  /**
   * A run of pixels.
   *
   * @param taps where each tap reads, from the place of a pixel
   * @param c channels that are read
   * @param step from a pixel's place to the next one's
   * @param width channels of the result, a multiple of {@link #LANES}
   */
  record Shape(int[] taps, int c, int step, int width) {}

  /**
   * Computes {@link #PIXELS} pixels.
   *
   * @param at place of the first
   * @param filters [taps, c, width]
   */
  static void forward(
      Shape s, float[] in, int at, float[] filters, float[] biases, float[] out, int to) {
    int o = 0;
    for (; o + 2 * LANES <= s.width; o += 2 * LANES) {
      two(s, in, at, filters, biases, out, to, o);
    }
    if (o < s.width) {
      one(s, in, at, filters, biases, out, to, o);
    }
  }

  private static FloatVector all(float[] in, int at) {
    return FloatVector.broadcast(FLOATS, in[at]);
  }

  private static void one(
      Shape s, float[] in, int at, float[] filters, float[] biases, float[] out, int to, int o) {
    FloatVector start = FloatVector.fromArray(FLOATS, biases, o);
    FloatVector a0 = start;
    FloatVector a1 = start;
    FloatVector a2 = start;
    FloatVector a3 = start;
    FloatVector a4 = start;
    FloatVector a5 = start;
    FloatVector a6 = start;
    FloatVector a7 = start;
    int step = s.step;
    int c = s.c;
    int f = o;
    for (int tap : s.taps) {
      int x = at + tap;
      for (int i = 0; i < c; i++, x++, f += s.width) {
        FloatVector w = FloatVector.fromArray(FLOATS, filters, f);
        a0 = w.fma(all(in, x), a0);
        a1 = w.fma(all(in, x + step), a1);
        a2 = w.fma(all(in, x + 2 * step), a2);
        a3 = w.fma(all(in, x + 3 * step), a3);
        a4 = w.fma(all(in, x + 4 * step), a4);
        a5 = w.fma(all(in, x + 5 * step), a5);
        a6 = w.fma(all(in, x + 6 * step), a6);
        a7 = w.fma(all(in, x + 7 * step), a7);
      }
    }
    int y = to + o;
    int n = s.width;
    a0.intoArray(out, y);
    a1.intoArray(out, y + n);
    a2.intoArray(out, y + 2 * n);
    a3.intoArray(out, y + 3 * n);
    a4.intoArray(out, y + 4 * n);
    a5.intoArray(out, y + 5 * n);
    a6.intoArray(out, y + 6 * n);
    a7.intoArray(out, y + 7 * n);
  }

  private static void two(
      Shape s, float[] in, int at, float[] filters, float[] biases, float[] out, int to, int o) {
    FloatVector start = FloatVector.fromArray(FLOATS, biases, o);
    FloatVector a0 = start;
    FloatVector a1 = start;
    FloatVector a2 = start;
    FloatVector a3 = start;
    FloatVector a4 = start;
    FloatVector a5 = start;
    FloatVector a6 = start;
    FloatVector a7 = start;
    start = FloatVector.fromArray(FLOATS, biases, o + LANES);
    FloatVector b0 = start;
    FloatVector b1 = start;
    FloatVector b2 = start;
    FloatVector b3 = start;
    FloatVector b4 = start;
    FloatVector b5 = start;
    FloatVector b6 = start;
    FloatVector b7 = start;
    int step = s.step;
    int c = s.c;
    int f = o;
    for (int tap : s.taps) {
      int x = at + tap;
      for (int i = 0; i < c; i++, x++, f += s.width) {
        FloatVector w = FloatVector.fromArray(FLOATS, filters, f);
        FloatVector v = FloatVector.fromArray(FLOATS, filters, f + LANES);
        FloatVector e = all(in, x);
        a0 = w.fma(e, a0);
        b0 = v.fma(e, b0);
        e = all(in, x + step);
        a1 = w.fma(e, a1);
        b1 = v.fma(e, b1);
        e = all(in, x + 2 * step);
        a2 = w.fma(e, a2);
        b2 = v.fma(e, b2);
        e = all(in, x + 3 * step);
        a3 = w.fma(e, a3);
        b3 = v.fma(e, b3);
        e = all(in, x + 4 * step);
        a4 = w.fma(e, a4);
        b4 = v.fma(e, b4);
        e = all(in, x + 5 * step);
        a5 = w.fma(e, a5);
        b5 = v.fma(e, b5);
        e = all(in, x + 6 * step);
        a6 = w.fma(e, a6);
        b6 = v.fma(e, b6);
        e = all(in, x + 7 * step);
        a7 = w.fma(e, a7);
        b7 = v.fma(e, b7);
      }
    }
    int y = to + o;
    int n = s.width;
    a0.intoArray(out, y);
    b0.intoArray(out, y + LANES);
    a1.intoArray(out, y + n);
    b1.intoArray(out, y + n + LANES);
    a2.intoArray(out, y + 2 * n);
    b2.intoArray(out, y + 2 * n + LANES);
    a3.intoArray(out, y + 3 * n);
    b3.intoArray(out, y + 3 * n + LANES);
    a4.intoArray(out, y + 4 * n);
    b4.intoArray(out, y + 4 * n + LANES);
    a5.intoArray(out, y + 5 * n);
    b5.intoArray(out, y + 5 * n + LANES);
    a6.intoArray(out, y + 6 * n);
    b6.intoArray(out, y + 6 * n + LANES);
    a7.intoArray(out, y + 7 * n);
    b7.intoArray(out, y + 7 * n + LANES);
  }

  /**
   * Rows of gradients and the pixels that belong to them.
   *
   * @param pixels of a row
   * @param rowStep from a row's place to the next one's
   * @param step from a pixel's place to the next one's
   * @param width channels of the gradients, a multiple of {@link #LANES}
   */
  record Rows(int rows, int pixels, int rowStep, int step, int width) {}

  /** Adds the products of {@link #CHANNELS} channels and all gradients, at one tap, to a sum. */
  static void filter(Rows s, float[] in, int at, float[] gradients, float[] sum, int to) {
    for (int o = 0; o < s.width; o += LANES) {
      int n = s.width;
      int q = to + o;
      FloatVector a0 = FloatVector.fromArray(FLOATS, sum, q);
      FloatVector a1 = FloatVector.fromArray(FLOATS, sum, q + n);
      FloatVector a2 = FloatVector.fromArray(FLOATS, sum, q + 2 * n);
      FloatVector a3 = FloatVector.fromArray(FLOATS, sum, q + 3 * n);
      FloatVector a4 = FloatVector.fromArray(FLOATS, sum, q + 4 * n);
      FloatVector a5 = FloatVector.fromArray(FLOATS, sum, q + 5 * n);
      FloatVector a6 = FloatVector.fromArray(FLOATS, sum, q + 6 * n);
      FloatVector a7 = FloatVector.fromArray(FLOATS, sum, q + 7 * n);
      int g = o;
      for (int r = 0; r < s.rows; r++) {
        int x = at + r * s.rowStep;
        for (int i = 0; i < s.pixels; i++, x += s.step, g += n) {
          FloatVector d = FloatVector.fromArray(FLOATS, gradients, g);
          a0 = d.fma(all(in, x), a0);
          a1 = d.fma(all(in, x + 1), a1);
          a2 = d.fma(all(in, x + 2), a2);
          a3 = d.fma(all(in, x + 3), a3);
          a4 = d.fma(all(in, x + 4), a4);
          a5 = d.fma(all(in, x + 5), a5);
          a6 = d.fma(all(in, x + 6), a6);
          a7 = d.fma(all(in, x + 7), a7);
        }
      }
      a0.intoArray(sum, q);
      a1.intoArray(sum, q + n);
      a2.intoArray(sum, q + 2 * n);
      a3.intoArray(sum, q + 3 * n);
      a4.intoArray(sum, q + 4 * n);
      a5.intoArray(sum, q + 5 * n);
      a6.intoArray(sum, q + 6 * n);
      a7.intoArray(sum, q + 7 * n);
    }
  }
}
