package dev.viridian.kernels.cpu.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.reference.SpecialFunctions;
import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

final class VectorMathTest {
  private static float of(UnaryOperator<FloatVector> f, float x) {
    return f.apply(FloatVector.broadcast(VectorMath.FLOATS, x)).lane(0);
  }

  /** The largest error in units of the last place of the result. */
  private static double worst(
      UnaryOperator<FloatVector> f, DoubleUnaryOperator exact, double from, double to) {
    double worst = 0;
    for (int i = 0; i <= 100_000; i++) {
      float x = (float) (from + (to - from) * i / 100_000);
      double expected = exact.applyAsDouble(x);
      worst = Math.max(worst, Math.abs(of(f, x) - expected) / Math.ulp((float) expected));
    }
    return worst;
  }

  @Test
  void expIsAccurate() {
    double worst = worst(VectorMath::exp, Math::exp, -87.3, 88.3);
    assertTrue(worst < 2, "off by " + worst + " ulp");
  }

  @Test
  void expAtTheEnds() {
    assertEquals(0f, of(VectorMath::exp, Float.NEGATIVE_INFINITY));
    assertEquals(0f, of(VectorMath::exp, -1000));
    assertEquals(1f, of(VectorMath::exp, 0));
    assertTrue(of(VectorMath::exp, 1000) > 2e38f);
    assertTrue(Float.isNaN(of(VectorMath::exp, Float.NaN)));
  }

  @Test
  void erfIsAccurate() {
    double worst = worst(VectorMath::erf, SpecialFunctions::erf, -5, 5);
    assertTrue(worst < 2.5, "off by " + worst + " ulp");
  }

  @Test
  void activationsAreThoseOfTheReference() {
    for (Activation activation : Activation.values()) {
      for (float x = -30; x < 30; x += 0.01f) {
        double expected = Numbers.activate(activation, x);
        assertEquals(
            expected,
            of(v -> VectorMath.activate(activation, v), x),
            1e-6 * Math.max(1, Math.abs(expected)),
            activation + " of " + x);
      }
    }
  }
}
