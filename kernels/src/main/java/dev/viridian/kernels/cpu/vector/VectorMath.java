package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.Activation;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Elementary functions of float vectors of the preferred species. */
final class VectorMath {
  static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;

  /** 1.5 · 2²³: adding it to a small float rounds that to a whole number in the lowest bits. */
  private static final float ROUND = 12_582_912f;

  private static final float SQRT_HALF = 0.70710678f;
  private static final float ONE_OVER_SQRT_TWO_PI = 0.39894228f;
  private static final float LOG2_E = 1.442695041f;
  // ln 2 in two parts, the first with so few bits that multiples of it are exact.
  private static final float LN2_HIGH = 0.693359375f;
  private static final float LN2_LOW = -2.12194440e-4f;
  private static final float SMALLEST = -87.33654f;
  private static final float LARGEST = 88.37626f;

  private VectorMath() {}

  private static FloatVector all(float value) {
    return FloatVector.broadcast(FLOATS, value);
  }

  /**
   * e^x within 2 units in the last place; 0 below −87.336 (where floats are no longer normal), −∞
   * included; not above e^88.376; NaN for NaN.
   */
  static FloatVector exp(FloatVector x) {
    return expBelowLargest(x.min(LARGEST));
  }

  /** The same for x of at most 88, a little faster. */
  static FloatVector expBelowLargest(FloatVector x) {
    VectorMask<Float> vanishes = x.compare(VectorOperators.LT, SMALLEST);
    // max and min of NaN are NaN.
    FloatVector bounded = x.max(SMALLEST);
    FloatVector shifted = bounded.fma(LOG2_E, ROUND);
    FloatVector n = shifted.sub(ROUND);
    FloatVector r = n.fma(all(-LN2_LOW), n.fma(all(-LN2_HIGH), bounded));
    FloatVector y = r.fma(1.37805939e-3f, 8.37312452e-3f);
    y = y.fma(r, all(4.16695364e-2f));
    y = y.fma(r, all(1.66664720e-1f));
    y = y.fma(r, all(4.99999851e-1f));
    y = y.fma(r, all(1f)).fma(r, all(1f));
    // Times 2^n, by adding n to the exponent.
    IntVector exponent = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
    FloatVector result = y.reinterpretAsInts().add(exponent).reinterpretAsFloats();
    return result.blend(0f, vanishes);
  }

  /** 1 / (1 + e^−x). */
  static FloatVector sigmoid(FloatVector x) {
    return all(1f).div(exp(x.neg()).add(1f));
  }

  /** The error function within 2 units in the last place (minimax polynomials by N. Juffa). */
  static FloatVector erf(FloatVector x) {
    FloatVector t = x.abs();
    FloatVector s = x.mul(x);
    FloatVector r = t.fma(-1.72853470e-5f, 3.83197126e-4f);
    FloatVector u = t.fma(-3.88396438e-3f, 2.42546219e-2f);
    r = r.fma(s, u);
    r = r.fma(t, all(-1.06777877e-1f));
    r = r.fma(t, all(-6.34846687e-1f));
    r = r.fma(t, all(-1.28717512e-1f));
    r = r.fma(t, t.neg());
    FloatVector large = all(1f).sub(exp(r));
    large = large.blend(large.neg(), x.compare(VectorOperators.LT, 0f));
    FloatVector small = s.fma(-5.96761703e-4f, 4.99119423e-3f);
    small = small.fma(s, all(-2.67681349e-2f));
    small = small.fma(s, all(1.12819925e-1f));
    small = small.fma(s, all(-3.76125336e-1f));
    small = small.fma(s, all(1.28379166e-1f));
    small = small.fma(x, x);
    return small.blend(large, t.compare(VectorOperators.GT, 0.927734375f));
  }

  /** The derivative of x · sigmoid(x). */
  static FloatVector siluSlope(FloatVector x) {
    FloatVector s = sigmoid(x);
    return s.mul(x.mul(all(1f).sub(s)).add(1f));
  }

  /** The derivative of x · Φ(x): Φ(x) + x φ(x). */
  static FloatVector geluSlope(FloatVector x) {
    FloatVector cdf = erf(x.mul(SQRT_HALF)).fma(0.5f, 0.5f);
    FloatVector pdf = exp(x.mul(x).mul(-0.5f)).mul(ONE_OVER_SQRT_TWO_PI);
    return x.fma(pdf, cdf);
  }

  /** The sum of the lanes, from the first on. {@code reduceLanes} would leave the order open. */
  static float sum(FloatVector v) {
    float[] lanes = v.toArray();
    float sum = 0;
    for (float lane : lanes) {
      sum += lane;
    }
    return sum;
  }

  /** An activation's values. */
  static FloatVector activate(Activation activation, FloatVector x) {
    return switch (activation) {
      case NONE -> x;
      case SILU -> x.div(exp(x.neg()).add(1f));
      case GELU -> x.mul(0.5f).mul(erf(x.mul(SQRT_HALF)).add(1f));
      case QUICK_GELU -> x.div(exp(x.mul(-1.702f)).add(1f));
    };
  }
}
