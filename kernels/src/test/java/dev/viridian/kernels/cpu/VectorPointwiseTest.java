package dev.viridian.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.kernels.BroadcastProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PointwiseKernels;
import dev.viridian.kernels.PointwiseKernels.Binary;
import dev.viridian.kernels.PointwiseKernels.Term;
import dev.viridian.kernels.PointwiseKernels.Unary;
import dev.viridian.kernels.cpu.reference.ReferencePointwise;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.VectorPointwise;
import dev.viridian.kernels.memory.HostBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The vector functions against the plain loops, and on several numbers of threads. */
final class VectorPointwiseTest {
  private static void compare(double tolerance, Function<PointwiseKernels, List<HostBuffer>> run) {
    Vectors.compare(tolerance, new ReferencePointwise(), VectorPointwise::new, run);
  }

  /** Numbers from −12 to 12 with every edge of the functions among them; or positive ones. */
  private static HostBuffer numbers(long n, boolean positive) {
    Random random = new Random(n);
    float[] edges = {0, 6, 1, -1, 2, -0f, 20, 0.5f, -0.5f};
    HostBuffer x = Floats.zeros(n);
    for (long i = 0; i < n; i++) {
      float value = i < edges.length ? edges[(int) i] : (float) (24 * random.nextDouble() - 12);
      Floats.set(x, DType.F32, i, positive ? Math.abs(value) + 0.1f : value);
    }
    return x;
  }

  /** Numbers between 0.3 and 3 in steps, so that some pairs are equal. */
  private static HostBuffer between(long n) {
    Random random = new Random(n);
    HostBuffer x = Floats.zeros(n);
    for (long i = 0; i < n; i++) {
      Floats.set(x, DType.F32, i, 0.3f + 0.1f * random.nextInt(28));
    }
    return x;
  }

  @ParameterizedTest
  @EnumSource(Unary.class)
  void unary(Unary f) {
    boolean positive =
        switch (f) {
          case LOG, SQRT, RSQRT, POW -> true;
          default -> false;
        };
    for (long n : new long[] {0, 1, 9, 2048, 5003, 100_003}) {
      for (float p0 : new float[] {2, 0.5f}) {
        HostBuffer x = numbers(n, positive);
        HostBuffer dy = Floats.random(new Random(3), n);
        compare(
            5e-6,
            k -> {
              HostBuffer y = Floats.copy(x);
              k.unary(f, n, p0, 6, y, y);
              HostBuffer dx = Floats.filled(n, 7);
              k.unaryBackward(f, n, p0, 6, x, dy, dx);
              return List.of(y, dx);
            });
      }
    }
  }

  private static BroadcastProblem problem(String shape, String a, String b) {
    return new BroadcastProblem(list(shape), list(a), list(b));
  }

  private static List<Long> list(String numbers) {
    List<Long> list = new ArrayList<>();
    for (String number : numbers.isBlank() ? new String[0] : numbers.trim().split(" ")) {
      list.add(Long.parseLong(number));
    }
    return list;
  }

  @ParameterizedTest
  @CsvSource({
    "'', '', ''",
    "7, 1, 1",
    "70000, 1, 1",
    "70000, 1, 0",
    "70000, 0, 1",
    "5000 33, 33 1, 0 1",
    "300 330, 330 1, 1 0",
    "3 17 40, 0 40 1, 680 40 1",
    "3 17 40, 40 0 1, 40 0 1",
    "2 3 1 4 50, 600 200 7 50 1, 0 0 0 0 1",
    "0 40, 40 1, 0 1",
  })
  void binary(String shape, String a, String b) {
    BroadcastProblem p = problem(shape, a, b);
    HostBuffer u = between(200_000);
    HostBuffer v = between(200_001);
    long n = p.elements();
    HostBuffer dy = Floats.random(new Random(4), n);
    for (Binary f : Binary.values()) {
      compare(
          1e-5,
          k -> {
            assertTrue(
                !(k instanceof VectorPointwise vector) || vector.accepts("binary", p), shape);
            HostBuffer y = Floats.filled(n, 7);
            HostBuffer da = Floats.filled(n, 7);
            HostBuffer db = Floats.filled(n, 7);
            k.binary(f, p, u, v, y);
            k.binaryBackwardA(f, p, u, v, dy, da);
            k.binaryBackwardB(f, p, u, v, dy, db);
            return List.of(y, da, db);
          });
    }
  }

  @Test
  void resultsOverOperands() {
    BroadcastProblem p = problem("5000", "1", "1");
    HostBuffer v = numbers(5000, true);
    compare(
        1e-6,
        k -> {
          HostBuffer overA = numbers(5000, true);
          HostBuffer overB = numbers(5000, true);
          k.binary(Binary.SUB, p, overA, v, overA);
          k.binary(Binary.SUB, p, v, overB, overB);
          return List.of(overA, overB);
        });
  }

  @Test
  void declinesWhatDoesNotLieInLines() {
    try (Workers workers = new Workers(1)) {
      VectorPointwise k = new VectorPointwise(workers);
      assertFalse(k.accepts("binary", problem("50 60", "1 50", "60 1")));
      assertFalse(k.accepts("binary", problem("50 6", "6 1", "0 1")));
      assertFalse(k.accepts("binary", problem("50", "2", "1")));
      assertNull(VectorPointwise.fault(k, new ReferencePointwise()));
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 2050, 70_001})
  void sums(long n) {
    HostBuffer a = numbers(n, false);
    HostBuffer b = Floats.random(new Random(5), n);
    HostBuffer c = Floats.zeros(DType.I32, n);
    for (long i = 0; i < n; i += 3) {
      Floats.set(c, DType.F32, i, 1);
    }
    compare(
        0, // in F32, in the given order: bit by bit
        k -> {
          HostBuffer y = Floats.copy(b);
          k.linearCombination(n, List.of(new Term(0.3f, a), new Term(-1.7f, y), new Term(1, b)), y);
          HostBuffer sum = Floats.copy(a);
          k.addTo(n, 0.7f, b, sum);
          HostBuffer chosen = Floats.filled(n, 7);
          k.where(n, c, a, b, chosen);
          return List.of(y, sum, chosen);
        });
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "7, 33", "3, 5000", "200, 640", "0, 4"})
  void geglu(long rows, int cols) {
    HostBuffer x = numbers(rows * 2 * cols, false);
    HostBuffer dy = Floats.random(new Random(6), rows * cols);
    compare(
        2e-6,
        k -> {
          HostBuffer y = Floats.filled(rows * cols, 7);
          k.geglu(rows, cols, x, y);
          HostBuffer dx = Floats.filled(rows * 2 * cols, 7);
          k.gegluBackward(rows, cols, x, dy, dx);
          return List.of(y, dx);
        });
  }

  /** Below 0 the distribution function keeps its digits: 1 + erf would have hardly any left. */
  @Test
  void geluOfNegativeNumbers() {
    HostBuffer x = Floats.filled(8, -5);
    try (Workers workers = new Workers(1)) {
      HostBuffer y = Floats.zeros(8);
      new VectorPointwise(workers).unary(Unary.GELU, 8, 0, 0, x, y);
      assertEquals(-1.433258e-6, Floats.get(y, 0), 1e-10);
    }
  }
}
