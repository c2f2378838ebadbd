package dev.viridian.matting.data.procedural;

import java.util.List;

/**
 * Random numbers of one picture: SplitMix64 from the seed and the index of the picture, so that a
 * picture depends on nothing else. For one thread.
 */
final class Draw {
  private static final long GOLDEN = 0x9E3779B97F4A7C15L;
  private static final double UNIT = 0x1p-53;

  private long state;

  Draw(long seed, long index) {
    state = mix(mix(seed + GOLDEN) + index * GOLDEN);
  }

  /** Stafford's variant 13 of the 64-bit finaliser, as in SplitMix64. */
  static long mix(long z) {
    long a = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    long b = (a ^ (a >>> 27)) * 0x94D049BB133111EBL;
    return b ^ (b >>> 31);
  }

  private long next() {
    state += GOLDEN;
    return mix(state);
  }

  /** Uniform in 0…1, without 1. */
  double unit() {
    return (next() >>> 11) * UNIT;
  }

  /** Uniform between two numbers. */
  double in(double from, double to) {
    return from + (to - from) * unit();
  }

  /** Uniform in −size…size. */
  double around(double size) {
    return in(-size, size);
  }

  /** Uniform in 0…n−1. */
  int below(int n) {
    return (int) (unit() * n);
  }

  /** True with this probability. */
  boolean chance(double probability) {
    return unit() < probability;
  }

  /** One of a list. */
  <T> T of(List<T> list) {
    return list.get(below(list.size()));
  }

  /** A point on the unit sphere: x, y, z. */
  double[] direction() {
    double y = around(1);
    double r = Math.sqrt(1 - y * y);
    double turn = unit();
    return new double[] {r * Trig.sin(turn), y, r * Trig.cos(turn)};
  }
}
