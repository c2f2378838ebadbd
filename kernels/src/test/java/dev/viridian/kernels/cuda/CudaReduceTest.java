package dev.viridian.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.ReduceKernels.Problem;
import dev.viridian.kernels.cuda.EmulatedDevice.Order;
import dev.viridian.kernels.memory.CudaBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CudaReduceTest extends CudaFamilyTest {
  private static final double TOLERANCE = 1.5e-7;

  private static final List<Problem> PROBLEMS =
      List.of(
          new Problem(1, 1, 1),
          new Problem(0, 5, 3),
          new Problem(2, 5, 0),
          new Problem(7, 3, 1),
          new Problem(5, 64, 1),
          new Problem(5, 65, 1),
          new Problem(3, 257, 1),
          new Problem(1, 9001, 1), // several pieces
          new Problem(1, 300, 1),
          new Problem(2, 5, 3),
          new Problem(3, 17, 33),
          new Problem(1, 1000, 5), // several pieces
          new Problem(70, 9, 2));

  private static long runs(Problem p) {
    return p.outer() * p.inner();
  }

  private static long elements(Problem p) {
    return runs(p) * p.size();
  }

  @ParameterizedTest
  @EnumSource(Order.class)
  void sums(Order order) {
    emulated.order(order, 5);
    for (Problem p : PROBLEMS) {
      sums(p, normal(elements(p)));
    }
    Problem nothing = new Problem(3, 0, 2);
    sums(nothing, normal(0));
  }

  private void sums(Problem p, Numbers x) {
    agree(
        "sum " + p,
        TOLERANCE,
        (k, b) -> k.reduce().sum(p, 0.3f, b[0], b[1]),
        x,
        unwritten(runs(p)));
    agree(
        "norm2 " + p, TOLERANCE, (k, b) -> k.reduce().norm2(p, b[0], b[1]), x, unwritten(runs(p)));
    for (int correction : new int[] {0, 1}) {
      agree(
          "variance " + p,
          TOLERANCE,
          (k, b) -> k.reduce().variance(p, correction, b[0], b[1], b[2]),
          x,
          unwritten(runs(p)),
          unwritten(runs(p)));
    }
  }

  /** The mean in binary32 would be off by as much as the values are apart. */
  @Test
  void varianceOfValuesThatAreClose() {
    for (Problem p : List.of(new Problem(2, 3000, 1), new Problem(1, 3000, 3))) {
      agree(
          "variance " + p,
          TOLERANCE,
          (k, b) -> k.reduce().variance(p, 1, b[0], b[1], b[2]),
          floats(elements(p), i -> 5000 + (i * 7 % 3) * 0.0004883),
          unwritten(runs(p)),
          unwritten(runs(p)));
    }
  }

  @ParameterizedTest
  @EnumSource(Order.class)
  void extremes(Order order) {
    emulated.order(order, 5);
    for (Problem p : PROBLEMS) {
      extremes(p, normal(elements(p)));
      extremes(p, floats(elements(p), i -> random.nextInt(3))); // many are equal
      extremes(p, floats(elements(p), i -> random.nextInt(9) == 0 ? Double.NaN : i));
      extremes(p, floats(elements(p), i -> random.nextBoolean() ? 0.0 : -0.0));
      extremes(p, floats(elements(p), i -> Double.NEGATIVE_INFINITY));
      extremes(p, floats(elements(p), i -> Double.POSITIVE_INFINITY));
    }
  }

  private void extremes(Problem p, Numbers x) {
    agree(
        "max " + p,
        0,
        (k, b) -> k.reduce().max(p, b[0], b[1], b[2]),
        x,
        unwritten(runs(p)),
        empty(DType.I64, runs(p)));
    agree(
        "min " + p,
        0,
        (k, b) -> k.reduce().min(p, b[0], b[1], b[2]),
        x,
        unwritten(runs(p)),
        empty(DType.I64, runs(p)));
    agree(
        "max without places " + p,
        0,
        (k, b) -> k.reduce().max(p, b[0], b[1], null),
        x,
        unwritten(runs(p)));
  }

  @Test
  void refusesToChooseFromNothing() {
    CudaBuffer x = allocator.allocate(16);
    try {
      assertThrows(
          IllegalArgumentException.class,
          () -> kernels.reduce().max(new Problem(2, 0, 1), x, x, null));
      assertThrows(
          IllegalArgumentException.class,
          () -> kernels.reduce().sum(new Problem(1, 5, 1), 1, x, x));
    } finally {
      allocator.release(x);
    }
  }

  @ParameterizedTest
  @EnumSource(Order.class)
  void running(Order order) {
    emulated.order(order, 5);
    for (Problem p : PROBLEMS) {
      long n = elements(p);
      for (boolean reverse : new boolean[] {false, true}) {
        agree(
            "cumulativeSum " + p + (reverse ? " backwards" : ""),
            TOLERANCE,
            (k, b) -> k.reduce().cumulativeSum(p, reverse, b[0], b[1]),
            normal(n),
            unwritten(n));
      }
      Numbers factors = floats(n, i -> i % 41 == 7 ? 0 : 0.8 + 0.4 * random.nextDouble());
      for (Numbers x : List.of(factors, uniform(n, 0.9, 1.1))) {
        agree(
            "cumulativeProduct " + p,
            TOLERANCE,
            (k, b) -> k.reduce().cumulativeProduct(p, b[0], b[1]),
            x,
            unwritten(n));
        agree(
            "cumulativeProductBackward " + p,
            TOLERANCE,
            (k, b) -> k.reduce().cumulativeProductBackward(p, b[0], b[1], b[2]),
            x,
            normal(n),
            unwritten(n));
      }
    }
  }
}
