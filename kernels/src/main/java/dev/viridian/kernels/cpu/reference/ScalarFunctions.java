package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.PointwiseKernels.Binary;
import dev.viridian.kernels.PointwiseKernels.Unary;

/** The element-wise functions and their derivatives, for one value in double. */
final class ScalarFunctions {
  private static final double SQRT_TWO_OVER_PI = Math.sqrt(2 / Math.PI);
  private static final double GELU_CUBIC = 0.044715;
  private static final double QUICK = 1.702;
  private static final double SOFTPLUS_THRESHOLD = 20;

  private ScalarFunctions() {}

  static double value(Unary f, double x, double p0, double p1) {
    return switch (f) {
      case SILU -> x * SpecialFunctions.sigmoid(x);
      case GELU -> SpecialFunctions.gelu(x);
      case GELU_TANH -> x * SpecialFunctions.sigmoid(2 * geluInner(x));
      case QUICK_GELU -> x * SpecialFunctions.sigmoid(QUICK * x);
      case RELU -> Math.max(x, 0);
      case RELU6 -> Math.min(Math.max(x, 0), 6);
      case SIGMOID -> SpecialFunctions.sigmoid(x);
      case TANH -> Math.tanh(x);
      case LEAKY_RELU -> x < 0 ? p0 * x : x;
      case SOFTPLUS -> x > SOFTPLUS_THRESHOLD ? x : Math.log1p(Math.exp(x));
      case EXP -> Math.exp(x);
      case LOG -> Math.log(x);
      case SQRT -> Math.sqrt(x);
      case RSQRT -> 1 / Math.sqrt(x);
      case POW -> Math.pow(x, p0);
      case ABS -> Math.abs(x);
      case AFFINE -> p0 * x + p1;
      case CLAMP -> Math.min(Math.max(x, p0), p1);
      case SIN -> Math.sin(x);
      case COS -> Math.cos(x);
    };
  }

  static double derivative(Unary f, double x, double p0, double p1) {
    return switch (f) {
      case SILU -> SpecialFunctions.siluDerivative(x);
      case GELU -> SpecialFunctions.geluDerivative(x);
      case GELU_TANH -> {
        double s = SpecialFunctions.sigmoid(2 * geluInner(x));
        double inner = SQRT_TWO_OVER_PI * (1 + 3 * GELU_CUBIC * x * x);
        yield s + x * s * (1 - s) * 2 * inner;
      }
      case QUICK_GELU -> SpecialFunctions.siluDerivative(QUICK * x);
      case RELU -> x > 0 ? 1 : 0;
      case RELU6 -> x > 0 && x < 6 ? 1 : 0;
      case SIGMOID -> {
        double s = SpecialFunctions.sigmoid(x);
        yield s * (1 - s);
      }
      case TANH -> {
        double t = Math.tanh(x);
        yield 1 - t * t;
      }
      case LEAKY_RELU -> x > 0 ? 1 : p0;
      case SOFTPLUS -> x > SOFTPLUS_THRESHOLD ? 1 : SpecialFunctions.sigmoid(x);
      case EXP -> Math.exp(x);
      case LOG -> 1 / x;
      case SQRT -> 0.5 / Math.sqrt(x);
      case RSQRT -> -0.5 / (x * Math.sqrt(x));
      case POW -> p0 == 0 ? 0 : p0 * Math.pow(x, p0 - 1);
      case ABS -> Math.signum(x);
      case AFFINE -> p0;
      case CLAMP -> x > p0 && x < p1 ? 1 : 0;
      case SIN -> Math.cos(x);
      case COS -> -Math.sin(x);
    };
  }

  /** GELU_TANH is x (1 + tanh u) / 2 = x sigmoid(2 u) with this u. */
  private static double geluInner(double x) {
    return SQRT_TWO_OVER_PI * (x + GELU_CUBIC * x * x * x);
  }

  static double value(Binary f, double a, double b) {
    return switch (f) {
      case ADD -> a + b;
      case SUB -> a - b;
      case MUL -> a * b;
      case DIV -> a / b;
      case MINIMUM -> Math.min(a, b);
      case MAXIMUM -> Math.max(a, b);
      case POW -> Math.pow(a, b);
    };
  }

  static double derivativeA(Binary f, double a, double b) {
    return switch (f) {
      case ADD, SUB -> 1;
      case MUL -> b;
      case DIV -> 1 / b;
      case MINIMUM -> share(b - a);
      case MAXIMUM -> share(a - b);
      case POW -> b == 0 ? 0 : b * Math.pow(a, b - 1);
    };
  }

  static double derivativeB(Binary f, double a, double b) {
    return switch (f) {
      case ADD -> 1;
      case SUB -> -1;
      case MUL -> a;
      case DIV -> -a / (b * b);
      case MINIMUM -> share(a - b);
      case MAXIMUM -> share(b - a);
      case POW -> a == 0 && b >= 0 ? 0 : Math.pow(a, b) * Math.log(a);
    };
  }

  /** 1 for the winner, 0 for the loser, one half to each of two equal values. */
  private static double share(double lead) {
    return lead > 0 ? 1 : lead == 0 ? 0.5 : 0;
  }
}
