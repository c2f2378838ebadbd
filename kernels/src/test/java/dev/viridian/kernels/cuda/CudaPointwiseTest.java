package dev.viridian.kernels.cuda;

import dev.viridian.kernels.BroadcastProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PointwiseKernels.Binary;
import dev.viridian.kernels.PointwiseKernels.Term;
import dev.viridian.kernels.PointwiseKernels.Unary;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CudaPointwiseTest extends CudaFamilyTest {
  private static final double TOLERANCE = 1e-6;

  private Numbers inputs(Unary f) {
    boolean positive =
        switch (f) {
          case LOG, SQRT, RSQRT, POW -> true;
          default -> false;
        };
    int n = 1500;
    double step = 24.0 / n;
    float[] special = {0, -0f, 1, -1, 6, 0.5f, 88, -88, 20, 1e-6f, -1e-6f, 30, -30};
    return floats(
        n,
        i ->
            positive
                ? 0.01 + i * step
                : i < special.length ? special[(int) i] : (i - n / 2.0) * step);
  }

  @ParameterizedTest
  @EnumSource(Unary.class)
  void unary(Unary f) {
    Numbers x = inputs(f);
    long n = x.count();
    float p0 = f == Unary.POW ? 1.7f : f == Unary.CLAMP ? -0.5f : 0.2f;
    float p1 = 0.7f;
    // e^88 would drown the others
    double tolerance = f == Unary.EXP ? 3e-7 : TOLERANCE;
    agree(
        "value",
        tolerance,
        (k, b) -> k.pointwise().unary(f, n, p0, p1, b[0], b[1]),
        x,
        unwritten(n));
    agree(
        "derivative",
        TOLERANCE,
        (k, b) -> k.pointwise().unaryBackward(f, n, p0, p1, b[0], b[1], b[2]),
        x,
        normal(n),
        unwritten(n));
  }

  /** Where the largest value does not hide the others: each to its own size. */
  @ParameterizedTest
  @EnumSource(
      value = Unary.class,
      names = {"EXP", "GELU", "SILU", "TANH", "SIGMOID", "LOG", "SOFTPLUS", "POW"})
  void smallValuesKeepTheirDigits(Unary f) {
    boolean positive = f == Unary.LOG || f == Unary.POW;
    for (double x = -80; x < 80; x += 1.37) {
      double one = positive ? Math.exp(x / 2) : x;
      agree(
          f + " of " + one,
          4e-6,
          (k, b) -> k.pointwise().unary(f, 1, -0.3f, 0, b[0], b[1]),
          floats(1, i -> one),
          unwritten(1));
    }
  }

  @ParameterizedTest
  @EnumSource(Binary.class)
  void binary(Binary f) {
    boolean power = f == Binary.POW;
    List<BroadcastProblem> problems =
        List.of(
            new BroadcastProblem(List.of(), List.of(), List.of()),
            new BroadcastProblem(List.of(777L), List.of(1L), List.of(1L)),
            new BroadcastProblem(List.of(0L, 3L), List.of(3L, 1L), List.of(3L, 1L)),
            new BroadcastProblem(List.of(5L, 7L), List.of(7L, 1L), List.of(0L, 1L)),
            new BroadcastProblem(List.of(5L, 7L, 3L), List.of(0L, 3L, 1L), List.of(1L, 0L, 5L)),
            new BroadcastProblem(
                List.of(2L, 3L, 2L, 3L, 2L),
                List.of(1L, 2L, 6L, 12L, 36L),
                List.of(36L, 0L, 6L, 0L, 3L)));
    for (BroadcastProblem p : problems) {
      Numbers a = power ? uniform(900, 0.2, 2) : normal(900);
      Numbers b = power ? uniform(900, -2, 2) : normal(900);
      long n = p.elements();
      agree(
          "value",
          TOLERANCE,
          (k, x) -> k.pointwise().binary(f, p, x[0], x[1], x[2]),
          a,
          b,
          unwritten(n));
      agree(
          "by a",
          TOLERANCE,
          (k, x) -> k.pointwise().binaryBackwardA(f, p, x[0], x[1], x[2], x[3]),
          a,
          b,
          normal(n),
          unwritten(n));
      agree(
          "by b",
          TOLERANCE,
          (k, x) -> k.pointwise().binaryBackwardB(f, p, x[0], x[1], x[2], x[3]),
          a,
          b,
          normal(n),
          unwritten(n));
    }
  }

  @Test
  void equalValuesShareTheirGradient() {
    BroadcastProblem p = new BroadcastProblem(List.of(4L), List.of(1L), List.of(1L));
    Numbers a = floats(4, i -> i % 2);
    Numbers b = floats(4, i -> i / 2);
    for (Binary f : List.of(Binary.MINIMUM, Binary.MAXIMUM)) {
      agree(
          f.toString(),
          0,
          (k, x) -> k.pointwise().binaryBackwardA(f, p, x[0], x[1], x[2], x[3]),
          a,
          b,
          normal(4),
          unwritten(4));
    }
  }

  @Test
  void where() {
    Numbers c = empty(DType.I32, 300);
    for (int i = 0; i < 300; i++) {
      c.memory().set(ValueLayout.JAVA_INT_UNALIGNED, 4L * i, random.nextInt(3) - 1);
    }
    agree(
        "where",
        0,
        (k, b) -> k.pointwise().where(300, b[0], b[1], b[2], b[3]),
        c,
        normal(300),
        normal(300),
        unwritten(300));
  }

  @Test
  void combinations() {
    for (int terms : new int[] {0, 1, 3, 8, 9, 17}) {
      float[] coefficients = new float[terms];
      Numbers[] arguments = new Numbers[terms + 1];
      for (int i = 0; i < terms; i++) {
        coefficients[i] = (float) random.nextGaussian();
        arguments[i] = normal(257);
      }
      arguments[terms] = unwritten(257);
      agree(
          terms + " terms",
          0,
          (k, b) -> {
            List<Term> all = new ArrayList<>();
            for (int i = 0; i < terms; i++) {
              all.add(new Term(coefficients[i], b[i]));
            }
            k.pointwise().linearCombination(257, all, b[terms]);
          },
          arguments);
    }
    agree(
        "into a term",
        0,
        (k, b) -> {
          List<Term> twelve = new ArrayList<>(Collections.nCopies(11, new Term(0.3f, b[0])));
          twelve.add(new Term(0.3f, b[1]));
          k.pointwise().linearCombination(100, twelve, b[1]);
        },
        normal(100),
        normal(100));
  }

  @Test
  void geglu() {
    for (int[] size : new int[][] {{0, 3}, {1, 1}, {7, 33}, {40, 5}}) {
      long n = (long) size[0] * size[1];
      agree(
          "value",
          TOLERANCE,
          (k, b) -> k.pointwise().geglu(size[0], size[1], b[0], b[1]),
          normal(2 * n),
          unwritten(n));
      agree(
          "gradient",
          TOLERANCE,
          (k, b) -> k.pointwise().gegluBackward(size[0], size[1], b[0], b[1], b[2]),
          normal(2 * n),
          normal(n),
          unwritten(2 * n));
    }
  }

  @Test
  void addTo() {
    agree(
        "addTo",
        1e-7,
        (k, b) -> k.pointwise().addTo(1001, -0.3f, b[0], b[1]),
        normal(1001),
        normal(1001));
  }
}
