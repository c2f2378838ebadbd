package dev.viridian.kernels.cpu.vector;

import static dev.viridian.kernels.cpu.vector.VectorMath.FLOATS;

import jdk.incubator.vector.FloatVector;

/** Sums over the first numbers of arrays, in an order that depends on their count alone. */
final class RowMath {
  private static final int LANES = FLOATS.length();

  /** Numbers that are summed in float before their sum is added up in double. */
  private static final int BLOCK = 4096;

  private RowMath() {}

  private static FloatVector load(float[] x, int at) {
    return FloatVector.fromArray(FLOATS, x, at);
  }

  /** Σ x. */
  static double sum(float[] x, int count) {
    double total = 0;
    for (int from = 0; from < count; from += BLOCK) {
      total += blockSum(x, from, Math.min(count, from + BLOCK));
    }
    return total;
  }

  private static float blockSum(float[] x, int from, int to) {
    FloatVector s0 = FloatVector.zero(FLOATS);
    FloatVector s1 = s0;
    int i = from;
    for (; i <= to - 2 * LANES; i += 2 * LANES) {
      s0 = s0.add(load(x, i));
      s1 = s1.add(load(x, i + LANES));
    }
    float sum = VectorMath.sum(s0.add(s1));
    for (; i < to; i++) {
      sum += x[i];
    }
    return sum;
  }

  /** Σ x y. */
  static double dot(float[] x, float[] y, int count) {
    double total = 0;
    for (int from = 0; from < count; from += BLOCK) {
      total += blockDot(x, y, from, Math.min(count, from + BLOCK));
    }
    return total;
  }

  private static float blockDot(float[] x, float[] y, int from, int to) {
    FloatVector s0 = FloatVector.zero(FLOATS);
    FloatVector s1 = s0;
    int i = from;
    for (; i <= to - 2 * LANES; i += 2 * LANES) {
      s0 = load(x, i).fma(load(y, i), s0);
      s1 = load(x, i + LANES).fma(load(y, i + LANES), s1);
    }
    float sum = VectorMath.sum(s0.add(s1));
    for (; i < to; i++) {
      sum = Math.fma(x[i], y[i], sum);
    }
    return sum;
  }

  /** {@code x −= pivot}. */
  static void subtract(float[] x, int count, float pivot) {
    for (int i = 0; i < count; i++) {
      x[i] -= pivot;
    }
  }

  /** The largest, −∞ of none; NaN if one is. */
  static float max(float[] x, int count) {
    FloatVector m = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      m = m.max(load(x, i));
    }
    float max = Float.NEGATIVE_INFINITY;
    for (float lane : m.toArray()) {
      max = Math.max(max, lane);
    }
    for (; i < count; i++) {
      max = Math.max(max, x[i]);
    }
    return max;
  }
}
