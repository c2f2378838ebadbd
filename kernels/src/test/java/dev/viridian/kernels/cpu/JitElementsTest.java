package dev.viridian.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.BroadcastProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.NormKernels.Forward;
import dev.viridian.kernels.NormKernels.GroupNorm;
import dev.viridian.kernels.NormKernels.LayerNorm;
import dev.viridian.kernels.PointwiseKernels;
import dev.viridian.kernels.PointwiseKernels.Binary;
import dev.viridian.kernels.PointwiseKernels.Term;
import dev.viridian.kernels.PointwiseKernels.Unary;
import dev.viridian.kernels.Selective;
import dev.viridian.kernels.cpu.jit.JitPaths;
import dev.viridian.kernels.cpu.reference.ReferenceNorm;
import dev.viridian.kernels.cpu.reference.ReferencePointwise;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.HostBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Generated norms and functions against the plain loops, on every level and numbers of threads. */
final class JitElementsTest {
  private static void norms(double tolerance, Function<NormKernels, List<HostBuffer>> run) {
    for (String path : JitPaths.here()) {
      Vectors.compare(tolerance, new ReferenceNorm(), w -> JitPaths.norm(w, path), run);
    }
  }

  private static void functions(
      double tolerance, Function<PointwiseKernels, List<HostBuffer>> run) {
    for (String path : JitPaths.here()) {
      Vectors.compare(tolerance, new ReferencePointwise(), w -> JitPaths.pointwise(w, path), run);
    }
  }

  private static void accepted(Object kernels, String operation, Object problem) {
    assertTrue(
        !(kernels instanceof Selective s) || s.accepts(operation, problem), problem.toString());
  }

  private static HostBuffer offset(Random random, long count, float offset) {
    HostBuffer x = Floats.random(random, count);
    for (long i = 0; i < count; i++) {
      Floats.set(x, DType.F32, i, Floats.get(x, i) + offset);
    }
    return x;
  }

  @ParameterizedTest
  @CsvSource({
    // n, spatial, channels, groups, offset, parameters, activation
    "1, 1, 8, 1, 0, F32, NONE",
    "2, 7, 24, 3, 0, F32, SILU",
    "3, 50, 16, 4, 16, F16, NONE",
    "2, 33, 40, 5, 0, BF16, SILU",
    "1, 4096, 320, 32, 0, F32, SILU",
    "2, 1000, 64, 32, 16, F32, SILU",
    "2, 64, 2560, 32, 1, F16, SILU",
    "1, 3, 20000, 2, 0, F32, NONE",
    "1, 16384, 16, 8, 30, F32, SILU",
    "0, 4, 8, 2, 0, F32, NONE",
  })
  void groupNorm(
      int n, int spatial, int channels, int groups, float at, DType type, Activation activation) {
    GroupNorm p = new GroupNorm(n, spatial, channels, groups, 1e-2f, type, activation);
    Random random = new Random(1);
    long size = (long) n * spatial * channels;
    HostBuffer x = offset(random, size, at);
    HostBuffer gamma = Floats.random(random, type, channels);
    HostBuffer beta = Floats.random(random, type, channels);
    norms(
        2e-5,
        k -> {
          accepted(k, "groupNorm", p);
          HostBuffer mean = Floats.filled((long) n * groups, 7);
          HostBuffer rstd = Floats.filled((long) n * groups, 7);
          HostBuffer inPlace = Floats.copy(x);
          k.groupNorm(p, new Forward(inPlace, gamma, beta, inPlace, mean, rstd));
          HostBuffer bare = Floats.filled(size, 7);
          k.groupNorm(p, new Forward(x, null, null, bare));
          return List.of(inPlace, mean, rstd, bare);
        });
  }

  @ParameterizedTest
  @CsvSource({
    "1, 8, 0, F32",
    "5, 16, 0, F32",
    "70, 40, 16, F16",
    "4096, 320, 0, BF16",
    "77, 768, 16, F32",
    "2, 9000, 4, F32",
    "0, 8, 0, F32",
  })
  void layerNorm(long rows, int cols, float at, DType type) {
    LayerNorm p = new LayerNorm(rows, cols, 1e-2f, type);
    Random random = new Random(2);
    HostBuffer x = offset(random, rows * cols, at);
    HostBuffer gamma = Floats.random(random, type, cols);
    HostBuffer beta = Floats.random(random, type, cols);
    norms(
        2e-5,
        k -> {
          accepted(k, "layerNorm", p);
          HostBuffer mean = Floats.filled(rows, 7);
          HostBuffer rstd = Floats.filled(rows, 7);
          HostBuffer inPlace = Floats.copy(x);
          k.layerNorm(p, new Forward(inPlace, gamma, beta, inPlace, mean, rstd));
          HostBuffer bare = Floats.filled(rows * cols, 7);
          k.layerNorm(p, new Forward(x, null, null, bare));
          return List.of(inPlace, mean, rstd, bare);
        });
  }

  @Test
  void whatIsNotANumberStaysSo() {
    HostBuffer x = Floats.zeros(64);
    Floats.set(x, DType.F32, 21, Float.NaN);
    functions(
        0,
        k -> {
          List<HostBuffer> all = new ArrayList<>();
          for (Unary f : List.of(Unary.SILU, Unary.GELU, Unary.QUICK_GELU, Unary.SIGMOID)) {
            HostBuffer y = Floats.zeros(1);
            k.unary(f, 1, 0, 0, Floats.filled(1, Float.NaN), y);
            all.add(y);
          }
          return all;
        });
    norms(
        1e-5,
        k -> {
          HostBuffer rows = Floats.filled(64, 7);
          k.layerNorm(new LayerNorm(4, 16, 1e-5f, DType.F32), new Forward(x, null, null, rows));
          HostBuffer map = Floats.filled(64, 7);
          k.groupNorm(
              new GroupNorm(1, 4, 16, 2, 1e-5f, DType.F32, Activation.SILU),
              new Forward(x, null, null, map));
          return List.of(rows, map);
        });
  }

  @ParameterizedTest
  @EnumSource(
      value = Unary.class,
      names = {"SILU", "GELU", "QUICK_GELU", "SIGMOID", "AFFINE", "SIN", "COS"})
  void unary(Unary f) {
    float[] edges = {0, 6, 1, -1, 2, -0f, 20, 0.5f, -90, 90, -5.5f};
    for (long n : new long[] {0, 1, 9, 2048, 5003, 100_003}) {
      Random random = new Random(n);
      HostBuffer x = Floats.zeros(n);
      for (int i = 0; i < n; i++) {
        float value = (float) (24 * random.nextDouble() - 12);
        Floats.set(x, DType.F32, i, i < edges.length ? edges[i] : value);
      }
      functions(
          5e-6,
          k -> {
            accepted(k, "unary", f);
            HostBuffer y = Floats.copy(x);
            k.unary(f, n, 0.7f, 6, y, y);
            HostBuffer apart = Floats.filled(n, 7);
            k.unary(f, n, 2, -1, x, apart);
            return List.of(y, apart);
          });
    }
  }

  /** Below 0 the distribution function keeps its digits: 1 + erf would have hardly any left. */
  @Test
  void geluOfNegativeNumbers() {
    HostBuffer x = Floats.filled(8, -5);
    for (String path : JitPaths.here()) {
      try (Workers workers = new Workers(1)) {
        HostBuffer y = Floats.zeros(8);
        JitPaths.pointwise(workers, path).unary(Unary.GELU, 8, 0, 0, x, y);
        assertEquals(-1.433258e-6, Floats.get(y, 0), 1e-10);
      }
    }
  }

  private static BroadcastProblem problem(String shape, String a, String b) {
    return new BroadcastProblem(list(shape), list(a), list(b));
  }

  private static List<Long> list(String numbers) {
    return numbers.isBlank()
        ? List.of()
        : List.of(numbers.trim().split(" ")).stream().map(Long::valueOf).toList();
  }

  @ParameterizedTest
  @CsvSource({
    "'', '', ''",
    "7, 1, 1",
    "70001, 1, 1",
    "70001, 1, 0",
    "70001, 0, 1",
    "5000 40, 40 1, 0 1",
    "300 320, 320 1, 1 0",
    "3 17 40, 0 40 1, 680 40 1",
    "3 17 40, 40 0 1, 40 0 1",
    "2 3 1 4 48, 600 200 7 50 1, 0 0 0 0 1",
    "2 40000, 40000 1, 0 1",
    "0 40, 40 1, 0 1",
  })
  void binary(String shape, String a, String b) {
    BroadcastProblem p = problem(shape, a, b);
    HostBuffer u = Floats.random(new Random(3), 200_000);
    HostBuffer v = offset(new Random(4), 200_001, 9);
    long n = p.elements();
    for (Binary f : List.of(Binary.ADD, Binary.SUB, Binary.MUL, Binary.DIV)) {
      functions(
          0, // each is rounded once: bit by bit
          k -> {
            accepted(k, "binary." + f, p);
            HostBuffer y = Floats.filled(n, 7);
            k.binary(f, p, u, v, y);
            return List.of(y);
          });
    }
  }

  @Test
  void resultsOverOperands() {
    BroadcastProblem p = problem("5003", "1", "1");
    functions(
        0,
        k -> {
          HostBuffer v = Floats.random(new Random(5), 5003);
          HostBuffer overA = Floats.random(new Random(6), 5003);
          HostBuffer overB = Floats.random(new Random(7), 5003);
          k.binary(Binary.SUB, p, overA, v, overA);
          k.binary(Binary.SUB, p, v, overB, overB);
          return List.of(overA, overB);
        });
  }

  @Test
  void declinesWhatItHasNoCodeFor() {
    for (String path : JitPaths.here()) {
      try (Workers workers = new Workers(1)) {
        Selective k = (Selective) JitPaths.pointwise(workers, path);
        assertFalse(k.accepts("binary.ADD", problem("50 64", "1 50", "64 1")));
        assertFalse(k.accepts("binary.ADD", problem("50 33", "33 1", "0 1")));
        assertFalse(k.accepts("binary.POW", problem("64", "1", "1")));
        assertFalse(k.accepts("binaryBackwardA", problem("64", "1", "1")));
        assertFalse(k.accepts("unary", Unary.TANH));
        assertFalse(k.accepts("unaryBackward", Unary.SILU));
        assertFalse(k.accepts("geglu", 33));
        assertFalse(k.accepts("where", 64L));
        Selective norm = (Selective) JitPaths.norm(workers, path);
        assertFalse(
            norm.accepts("groupNorm", new GroupNorm(1, 4, 20, 4, 1, DType.F32, Activation.NONE)));
        assertFalse(norm.accepts("layerNorm", new LayerNorm(4, 20, 1, DType.F32)));
        assertFalse(norm.accepts("layerNormBackward", new LayerNorm(4, 16, 1, DType.F32)));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 2050, 70_001})
  void sums(long n) {
    HostBuffer a = Floats.random(new Random(8), n);
    HostBuffer b = Floats.random(new Random(9), n);
    functions(
        0, // in F32, in the given order: bit by bit
        k -> {
          HostBuffer y = Floats.copy(b);
          k.linearCombination(n, List.of(new Term(0.3f, a), new Term(-1.7f, y), new Term(1, b)), y);
          HostBuffer over = Floats.copy(a);
          k.linearCombination(n, List.of(new Term(0.3f, over), new Term(2, b)), over);
          HostBuffer one = Floats.filled(n, 7);
          k.linearCombination(n, List.of(new Term(0.3f, a)), one);
          HostBuffer none = Floats.filled(n, 7);
          k.linearCombination(n, List.of(), none);
          HostBuffer sum = Floats.copy(a);
          k.addTo(n, 0.7f, b, sum);
          return List.of(y, over, one, none, sum);
        });
  }

  @ParameterizedTest
  @CsvSource({"1, 8", "7, 40", "3, 5008", "200, 640", "4096, 1280", "0, 8"})
  void geglu(long rows, int cols) {
    HostBuffer x = Floats.random(new Random(10), rows * 2 * cols);
    functions(
        2e-6,
        k -> {
          accepted(k, "geglu", cols);
          HostBuffer y = Floats.filled(rows * cols, 7);
          k.geglu(rows, cols, x, y);
          return List.of(y);
        });
  }

  @Test
  void shortBuffersAreRefused() {
    for (String path : JitPaths.here()) {
      try (Workers workers = new Workers(1)) {
        NormKernels norm = JitPaths.norm(workers, path);
        PointwiseKernels pointwise = JitPaths.pointwise(workers, path);
        HostBuffer whole = Floats.zeros(64);
        HostBuffer less = Floats.zeros(63);
        GroupNorm group = new GroupNorm(1, 4, 16, 2, 1, DType.F32, Activation.NONE);
        LayerNorm layer = new LayerNorm(4, 16, 1, DType.F32);
        HostBuffer few = Floats.zeros(15);
        BroadcastProblem rows = problem("4 16", "16 1", "0 1");
        refused(() -> norm.groupNorm(group, new Forward(less, null, null, whole)));
        refused(() -> norm.groupNorm(group, new Forward(whole, null, null, less)));
        refused(() -> norm.groupNorm(group, new Forward(whole, few, null, whole)));
        refused(() -> norm.layerNorm(layer, new Forward(less, null, null, whole)));
        refused(() -> norm.layerNorm(layer, new Forward(whole, null, null, less)));
        refused(() -> norm.layerNorm(layer, new Forward(whole, null, few, whole)));
        refused(() -> pointwise.unary(Unary.SILU, 64, 0, 0, less, whole));
        refused(() -> pointwise.unary(Unary.SILU, 64, 0, 0, whole, less));
        refused(() -> pointwise.binary(Binary.ADD, rows, less, whole, whole));
        refused(() -> pointwise.binary(Binary.ADD, rows, whole, few, whole));
        refused(() -> pointwise.binary(Binary.ADD, rows, whole, whole, less));
        refused(() -> pointwise.geglu(2, 16, less, whole));
        refused(() -> pointwise.geglu(4, 16, Floats.zeros(128), less));
        refused(() -> pointwise.addTo(64, 1, less, whole));
      }
    }
  }

  private static void refused(Executable call) {
    assertThrows(IndexOutOfBoundsException.class, call);
  }
}
