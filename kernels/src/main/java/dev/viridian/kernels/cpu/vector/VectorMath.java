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

  // Constants are vectors: to broadcast one costs the compiler hundreds of nodes, and when it has
  // had too many it calls what is left, with the vectors made objects, ten times slower.

  private static final FloatVector ONE = all(1f);
  private static final FloatVector HALF = all(0.5f);

  /** 1.5 · 2²³: adding it to a small float rounds that to a whole number in the lowest bits. */
  private static final FloatVector ROUND = all(12_582_912f);

  private static final FloatVector LOG2_E = all(1.442695041f);
  // −ln 2 in two parts, the first with so few bits that multiples of it are exact.
  private static final FloatVector LN2_HIGH = all(-0.693359375f);
  private static final FloatVector LN2_LOW = all(2.12194440e-4f);
  private static final FloatVector SMALLEST = all(-87.33654f);
  private static final FloatVector LARGEST = all(88.37626f);
  private static final FloatVector ZERO = all(0f);
  private static final FloatVector EXP_1 = all(4.99999851e-1f);
  private static final FloatVector EXP_2 = all(1.66664720e-1f);
  private static final FloatVector EXP_3 = all(4.16695364e-2f);
  private static final FloatVector EXP_4 = all(8.37312452e-3f);
  private static final FloatVector EXP_5 = all(1.37805939e-3f);

  /** Where one approximation of the error function gives way to the other. */
  static final FloatVector ERF_SMALL = all(0.927734375f);

  private static final FloatVector ERFC_1 = all(-1.28717512e-1f);
  private static final FloatVector ERFC_2 = all(-6.34846687e-1f);
  private static final FloatVector ERFC_3 = all(-1.06777877e-1f);
  private static final FloatVector ERFC_4 = all(2.42546219e-2f);
  private static final FloatVector ERFC_5 = all(-3.88396438e-3f);
  private static final FloatVector ERFC_6 = all(3.83197126e-4f);
  private static final FloatVector ERFC_7 = all(-1.72853470e-5f);
  private static final FloatVector ERF_1 = all(1.28379166e-1f);
  private static final FloatVector ERF_3 = all(-3.76125336e-1f);
  private static final FloatVector ERF_5 = all(1.12819925e-1f);
  private static final FloatVector ERF_7 = all(-2.67681349e-2f);
  private static final FloatVector ERF_9 = all(4.99119423e-3f);
  private static final FloatVector ERF_11 = all(-5.96761703e-4f);
  private static final FloatVector SQRT_HALF = all(0.70710678f);
  private static final FloatVector MINUS_HALF = all(-0.5f);
  private static final FloatVector ONE_OVER_SQRT_TWO_PI = all(0.39894228f);
  private static final FloatVector MINUS_QUICK = all(-1.702f);

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
    return inRange(x.max(SMALLEST)).blend(ZERO, vanishes);
  }

  /** e^x of numbers up to 0; not below e^−87.336. */
  private static FloatVector expOfNegative(FloatVector x) {
    return inRange(x.max(SMALLEST));
  }

  /** e^x where it is a normal number. */
  private static FloatVector inRange(FloatVector x) {
    FloatVector shifted = x.fma(LOG2_E, ROUND);
    FloatVector n = shifted.sub(ROUND);
    FloatVector r = n.fma(LN2_LOW, n.fma(LN2_HIGH, x));
    FloatVector y = r.fma(EXP_5, EXP_4);
    y = y.fma(r, EXP_3);
    y = y.fma(r, EXP_2);
    y = y.fma(r, EXP_1);
    y = y.fma(r, ONE).fma(r, ONE);
    // Times 2^n, by adding n to the exponent.
    IntVector exponent = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
    return y.reinterpretAsInts().add(exponent).reinterpretAsFloats();
  }

  /** 1 / (1 + e^−x). */
  static FloatVector sigmoid(FloatVector x) {
    return ONE.div(exp(x.neg()).add(ONE));
  }

  /** x · sigmoid(x). */
  static FloatVector silu(FloatVector x) {
    return x.div(exp(x.neg()).add(ONE));
  }

  /** x · sigmoid(1.702 x). */
  static FloatVector quickGelu(FloatVector x) {
    return x.div(exp(x.mul(MINUS_QUICK)).add(ONE));
  }

  /** The error function within 2 units in the last place (minimax polynomials by N. Juffa). */
  static FloatVector erf(FloatVector x) {
    FloatVector t = x.abs();
    FloatVector large = ONE.sub(exp(logErfc(t)));
    large = large.blend(large.neg(), x.compare(VectorOperators.LT, ZERO));
    return erfOfSmall(x).blend(large, t.compare(VectorOperators.GT, ERF_SMALL));
  }

  /** The logarithm of 1 − erf(t), for t above {@link #ERF_SMALL}. */
  private static FloatVector logErfc(FloatVector t) {
    FloatVector r = t.fma(ERFC_7, ERFC_6);
    FloatVector u = t.fma(ERFC_5, ERFC_4);
    r = r.fma(t.mul(t), u);
    r = r.fma(t, ERFC_3);
    r = r.fma(t, ERFC_2);
    r = r.fma(t, ERFC_1);
    return r.fma(t, t.neg());
  }

  /** The error function of numbers up to {@link #ERF_SMALL} in size. */
  private static FloatVector erfOfSmall(FloatVector x) {
    FloatVector s = x.mul(x);
    FloatVector y = s.fma(ERF_11, ERF_9);
    y = y.fma(s, ERF_7);
    y = y.fma(s, ERF_5);
    y = y.fma(s, ERF_3);
    y = y.fma(s, ERF_1);
    return y.fma(x, x);
  }

  /** The standard normal distribution function Φ, also for x down to −5.5 to nearly all digits. */
  static FloatVector normalCdf(FloatVector x) {
    FloatVector z = x.mul(SQRT_HALF);
    FloatVector t = z.abs();
    FloatVector tail = expOfNegative(logErfc(t)).mul(HALF);
    FloatVector large = tail.blend(ONE.sub(tail), z.compare(VectorOperators.GT, ZERO));
    FloatVector small = erfOfSmall(z).fma(HALF, HALF);
    return small.blend(large, t.compare(VectorOperators.GT, ERF_SMALL));
  }

  /** The derivative of x · sigmoid(x). */
  static FloatVector siluSlope(FloatVector x) {
    FloatVector s = sigmoid(x);
    return s.mul(x.fma(ONE.sub(s), ONE));
  }

  /** x φ(x), with the standard normal density φ. */
  static FloatVector timesNormalPdf(FloatVector x) {
    return expOfNegative(x.mul(x).mul(MINUS_HALF)).mul(x.mul(ONE_OVER_SQRT_TWO_PI));
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
      case SILU -> silu(x);
      case GELU -> x.mul(normalCdf(x));
      case QUICK_GELU -> quickGelu(x);
    };
  }
}
