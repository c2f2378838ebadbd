package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.PointwiseKernels.Binary;

/**
 * Functions of pairs, the result in the first array. Plain loops over arrays, which the compiler
 * turns into vector instructions by itself.
 */
final class BinaryLoops {
  private BinaryLoops() {}

  static void mul(float[] a, float[] b, int n) {
    for (int i = 0; i < n; i++) {
      a[i] *= b[i];
    }
  }

  /** {@code sum += factor · x}, with the product rounded. */
  static void addScaled(float[] sum, float factor, float[] x, int n) {
    for (int i = 0; i < n; i++) {
      sum[i] += factor * x[i];
    }
  }

  /** {@code a = f(a, b)}. */
  static void values(Binary f, float[] a, float[] b, int n) {
    switch (f) {
      case ADD -> {
        for (int i = 0; i < n; i++) {
          a[i] += b[i];
        }
      }
      case SUB -> {
        for (int i = 0; i < n; i++) {
          a[i] -= b[i];
        }
      }
      case MUL -> mul(a, b, n);
      case DIV -> {
        for (int i = 0; i < n; i++) {
          a[i] /= b[i];
        }
      }
      case MINIMUM -> {
        for (int i = 0; i < n; i++) {
          a[i] = Math.min(a[i], b[i]);
        }
      }
      case MAXIMUM -> {
        for (int i = 0; i < n; i++) {
          a[i] = Math.max(a[i], b[i]);
        }
      }
      case POW -> {
        for (int i = 0; i < n; i++) {
          a[i] = (float) Math.pow(a[i], b[i]);
        }
      }
    }
  }

  /** {@code a = ∂f/∂a}. */
  static void slopesA(Binary f, float[] a, float[] b, int n) {
    for (int i = 0; i < n; i++) {
      a[i] =
          switch (f) {
            case ADD, SUB -> 1;
            case MUL -> b[i];
            case DIV -> 1 / b[i];
            case MINIMUM -> share(b[i], a[i]);
            case MAXIMUM -> share(a[i], b[i]);
            case POW -> b[i] == 0 ? 0 : (float) (b[i] * Math.pow(a[i], b[i] - 1.0));
          };
    }
  }

  /** {@code a = ∂f/∂b}. */
  static void slopesB(Binary f, float[] a, float[] b, int n) {
    for (int i = 0; i < n; i++) {
      a[i] =
          switch (f) {
            case ADD -> 1;
            case SUB -> -1;
            case MUL -> a[i];
            case DIV -> -a[i] / (b[i] * b[i]);
            case MINIMUM -> share(a[i], b[i]);
            case MAXIMUM -> share(b[i], a[i]);
            case POW ->
                a[i] == 0 && b[i] >= 0 ? 0 : (float) (Math.pow(a[i], b[i]) * Math.log(a[i]));
          };
    }
  }

  private static float share(float own, float other) {
    return own > other ? 1 : own == other ? 0.5f : 0;
  }
}
