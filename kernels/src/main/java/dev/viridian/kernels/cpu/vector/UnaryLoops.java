package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.PointwiseKernels.Unary;
import java.util.Arrays;

/** Functions of one value and their derivatives, as far as there are loops for them. */
final class UnaryLoops {
  private UnaryLoops() {}

  /** {@code x = f(x)}; false, and x as it was, if there is no loop for f. */
  static boolean values(Unary f, float[] x, int n, float p0, float p1) {
    switch (f) {
      case SILU -> VectorFunctions.silu(x, n);
      case GELU -> VectorFunctions.gelu(x, n);
      case QUICK_GELU -> VectorFunctions.quickGelu(x, n);
      case SIGMOID -> VectorFunctions.sigmoid(x, n);
      case EXP -> VectorFunctions.exp(x, n);
      case RELU -> clamp(x, n, 0, Float.POSITIVE_INFINITY);
      case RELU6 -> clamp(x, n, 0, 6);
      case CLAMP -> clamp(x, n, p0, p1);
      case AFFINE -> {
        for (int i = 0; i < n; i++) {
          x[i] = p0 * x[i] + p1;
        }
      }
      case LEAKY_RELU -> {
        for (int i = 0; i < n; i++) {
          x[i] = x[i] < 0 ? p0 * x[i] : x[i];
        }
      }
      case ABS -> {
        for (int i = 0; i < n; i++) {
          x[i] = Math.abs(x[i]);
        }
      }
      case SQRT -> {
        for (int i = 0; i < n; i++) {
          x[i] = (float) Math.sqrt(x[i]);
        }
      }
      case POW -> {
        if (p0 != 2) {
          return false;
        }
        BinaryLoops.mul(x, x, n);
      }
      case GELU_TANH, TANH, SOFTPLUS, LOG, RSQRT, SIN, COS -> {
        return false;
      }
    }
    return true;
  }

  private static void clamp(float[] x, int n, float low, float high) {
    for (int i = 0; i < n; i++) {
      x[i] = Math.min(Math.max(x[i], low), high);
    }
  }

  /** {@code to = f′(x)}, x overwritten; false, and nothing written, if there is no loop for f. */
  static boolean slopes(Unary f, float[] x, int n, float p0, float p1, float[] to) {
    switch (f) {
      case GELU -> VectorFunctions.geluSlopes(x, n, to);
      case SILU -> {
        System.arraycopy(x, 0, to, 0, n);
        VectorFunctions.siluSlopes(to, n);
      }
      case QUICK_GELU -> { // x·sigmoid(k·x) has the slope of SiLU at k·x
        for (int i = 0; i < n; i++) {
          to[i] = 1.702f * x[i];
        }
        VectorFunctions.siluSlopes(to, n);
      }
      case SIGMOID -> {
        VectorFunctions.sigmoid(x, n);
        for (int i = 0; i < n; i++) {
          to[i] = x[i] * (1 - x[i]);
        }
      }
      case EXP -> {
        System.arraycopy(x, 0, to, 0, n);
        VectorFunctions.exp(to, n);
      }
      case RELU -> within(x, n, 0, Float.POSITIVE_INFINITY, to);
      case RELU6 -> within(x, n, 0, 6, to);
      case CLAMP -> within(x, n, p0, p1, to);
      case AFFINE -> Arrays.fill(to, 0, n, p0);
      case LEAKY_RELU -> {
        for (int i = 0; i < n; i++) {
          to[i] = x[i] > 0 ? 1 : p0;
        }
      }
      case ABS -> {
        for (int i = 0; i < n; i++) {
          to[i] = Math.signum(x[i]);
        }
      }
      case POW -> {
        if (p0 != 2) {
          return false;
        }
        for (int i = 0; i < n; i++) {
          to[i] = 2 * x[i];
        }
      }
      case GELU_TANH, TANH, SOFTPLUS, LOG, SQRT, RSQRT, SIN, COS -> {
        return false;
      }
    }
    return true;
  }

  /** 1 strictly between the bounds, else 0. */
  private static void within(float[] x, int n, float low, float high, float[] to) {
    for (int i = 0; i < n; i++) {
      to[i] = x[i] > low && x[i] < high ? 1 : 0;
    }
  }
}
