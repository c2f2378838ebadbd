package dev.viridian.kernels.cpu.vector;

import static dev.viridian.kernels.cpu.vector.VectorMath.FLOATS;

import jdk.incubator.vector.FloatVector;

/**
 * Functions of the first {@code count} numbers of an array, in place. Whole vectors are computed:
 * the array must have room for a multiple of their length. One loop for each function, with nothing
 * else in it: the compiler makes objects of the vectors of a method that is too much for it.
 */
final class VectorFunctions {
  private static final int LANES = FLOATS.length();

  private VectorFunctions() {}

  private static FloatVector load(float[] x, int at) {
    return FloatVector.fromArray(FLOATS, x, at);
  }

  /** {@code count} rounded up to whole vectors: the room that an array needs. */
  static int room(int count) {
    return (count + LANES - 1) / LANES * LANES;
  }

  /** x · sigmoid(x). */
  static void silu(float[] x, int count) {
    for (int i = 0; i < count; i += LANES) {
      FloatVector v = load(x, i);
      VectorMath.silu(v).intoArray(x, i);
    }
  }

  /** The derivative of x · sigmoid(x). */
  static void siluSlopes(float[] x, int count) {
    for (int i = 0; i < count; i += LANES) {
      FloatVector v = load(x, i);
      VectorMath.siluSlope(v).intoArray(x, i);
    }
  }

  /** x · sigmoid(1.702 x). */
  static void quickGelu(float[] x, int count) {
    for (int i = 0; i < count; i += LANES) {
      FloatVector v = load(x, i);
      VectorMath.quickGelu(v).intoArray(x, i);
    }
  }

  /** {@code to = Φ(x)}, the standard normal distribution function. */
  static void normalCdf(float[] x, int count, float[] to) {
    for (int i = 0; i < count; i += LANES) {
      VectorMath.normalCdf(load(x, i)).intoArray(to, i);
    }
  }

  /** x · Φ(x). */
  static void gelu(float[] x, int count) {
    for (int i = 0; i < count; i += LANES) {
      FloatVector v = load(x, i);
      v.mul(VectorMath.normalCdf(v)).intoArray(x, i);
    }
  }

  /** {@code to = Φ(x) + x φ(x)}, the derivative of x · Φ(x). */
  static void geluSlopes(float[] x, int count, float[] to) {
    normalCdf(x, count, to);
    for (int i = 0; i < count; i += LANES) {
      VectorMath.timesNormalPdf(load(x, i)).add(load(to, i)).intoArray(to, i);
    }
  }

  /** 1 / (1 + e^−x). */
  static void sigmoid(float[] x, int count) {
    for (int i = 0; i < count; i += LANES) {
      FloatVector v = load(x, i);
      VectorMath.sigmoid(v).intoArray(x, i);
    }
  }

  /** e^x. */
  static void exp(float[] x, int count) {
    for (int i = 0; i < count; i += LANES) {
      FloatVector v = load(x, i);
      VectorMath.exp(v).intoArray(x, i);
    }
  }

  /** e^(x − shift). */
  static void expOfDifference(float[] x, int count, float shift) {
    for (int i = 0; i < count; i += LANES) {
      VectorMath.exp(load(x, i).sub(shift)).intoArray(x, i);
    }
  }
}
