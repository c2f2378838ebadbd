package dev.viridian.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.memory.HostBuffer;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Products of one implementation against the plain loops, which sum in double. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class GemmCases {
  private static final DType[] TYPES = {DType.F32, DType.F16, DType.BF16};
  private final String implementation;
  private CpuKernels reference;
  private final CpuKernels[] forced = new CpuKernels[3];

  GemmCases(String implementation) {
    this.implementation = implementation;
  }

  @BeforeAll
  void open() {
    reference = new CpuKernels(CpuOptions.reference(2));
    for (int i = 0; i < 3; i++) {
      forced[i] = new CpuKernels(new CpuOptions(i + 1, Map.of("gemm", implementation)));
    }
  }

  @AfterAll
  void close() {
    reference.close();
    for (CpuKernels kernels : forced) {
      kernels.close();
    }
  }

  /** Compares with the reference, and 1, 2 and 3 threads with each other, bit by bit. */
  private void check(GemmProblem p, Random random) {
    long rowsA = p.transA() ? p.k() : p.m();
    long rowsB = p.transB() ? p.n() : p.k();
    long batches = Math.max(1, p.batch());
    HostBuffer a = Floats.random(random, p.a(), (batches - 1) * p.strideA() + rowsA * p.lda());
    HostBuffer b = Floats.random(random, p.b(), (batches - 1) * p.strideB() + rowsB * p.ldb());
    HostBuffer bias = p.bias() ? Floats.random(random, p.biasType(), p.n()) : null;
    long sizeC = (batches - 1) * p.strideC() + Math.max(1, p.m()) * p.ldc();
    HostBuffer expected = Floats.filled(sizeC, 0.5f);
    HostBuffer first = null;
    reference.gemm().gemm(p, a, b, bias, expected);
    for (CpuKernels kernels : forced) {
      HostBuffer actual = Floats.filled(sizeC, 0.5f);
      kernels.gemm().gemm(p, a, b, bias, actual);
      // Sums of k products of standard normal numbers in float: the error grows like k at worst.
      double tolerance = 1e-6 * Math.abs(p.alpha()) * Math.sqrt(p.k() + 1.0) * 10;
      for (long i = 0; i < sizeC; i++) {
        float e = Floats.get(expected, i);
        assertEquals(
            e, Floats.get(actual, i), tolerance + 1e-6 * Math.abs(e), () -> p + ", first wrong");
      }
      assertTrue(first == null || first.segment().mismatch(actual.segment()) == -1, "threads " + p);
      first = actual;
    }
  }

  @Test
  void theImplementationIsInUse() {
    check(GemmProblem.of(5, 5, 5, false, true), new Random(1));
    assertTrue(
        forced[0].choices().contains("gemm.gemm: " + implementation), "" + forced[0].choices());
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 1",
    "1, 320, 1280",
    "2, 33, 77",
    "3, 17, 641",
    "4, 1283, 320",
    "5, 7, 17",
    "7, 17, 0",
    "17, 1, 7",
    "0, 5, 3",
    "5, 0, 3",
    "77, 768, 320",
    "97, 101, 103",
    "77, 165, 1024",
    "250, 204, 784",
    "64, 640, 650",
    "641, 64, 650",
    "320, 4, 36",
    "4, 4100, 40",
    "1030, 3, 640",
    "23, 29, 40000"
  })
  void awkwardSizes(int m, int n, int k) {
    Random random = new Random(m + n + k);
    for (int variant = 0; variant < 4; variant++) {
      GemmProblem p = GemmProblem.of(m, n, k, (variant & 1) != 0, (variant & 2) != 0);
      check(p, random);
      check(p.epilogue(true, DType.F16, Activation.SILU), random);
      check(p.accumulating(), random);
    }
  }

  @Test
  void wideResultsAreCutIntoChunks() {
    check(GemmProblem.of(3, 200_003, 70, false, false), new Random(3));
    check(GemmProblem.of(130, 1030, 5000, false, true), new Random(4));
  }

  @Test
  void halfPrecisionSpecials() {
    short[] bits = {0, 1, (short) 0x8001, 0x3ff, 0x400, 0x7bff, 0x7c00, (short) 0xfc00, 0x7e00};
    for (DType type : new DType[] {DType.F16, DType.BF16}) {
      HostBuffer a = Floats.zeros(9);
      HostBuffer b = Floats.zeros(type, 81);
      for (int i = 0; i < 9; i++) {
        Floats.set(a, DType.F32, i, i == 4 ? 1 : 0);
      }
      // Row 4 of B, so that no product with 0 spoils the special values.
      for (int j = 0; j < 9; j++) {
        b.segment().set(Numbers.SHORT, 2 * (4 * 9 + j), bits[j]);
      }
      HostBuffer c = Floats.zeros(9);
      GemmProblem p = GemmProblem.of(1, 9, 9, false, false).types(DType.F32, type);
      forced[0].gemm().gemm(p, a, b, null, c);
      for (int j = 0; j < 9; j++) {
        assertEquals(Floats.get(b, type, 4 * 9 + j), Floats.get(c, j));
      }
    }
  }

  @Test
  void randomProblems() {
    for (int seed = 0; seed < 150; seed++) {
      Random random = new Random(seed);
      boolean transA = random.nextBoolean();
      boolean transB = random.nextBoolean();
      int batch = random.nextInt(4);
      int m = 1 + random.nextInt(random.nextBoolean() ? 20 : 200);
      int n = 1 + random.nextInt(random.nextBoolean() ? 20 : 200);
      int k = random.nextInt(random.nextBoolean() ? 20 : 800);
      long lda = (transA ? m : k) + random.nextInt(5);
      long ldb = (transB ? k : n) + random.nextInt(5);
      long ldc = n + random.nextInt(5);
      boolean accumulate = random.nextBoolean();
      Activation[] activations = Activation.values();
      GemmProblem p =
          new GemmProblem(
              batch,
              m,
              n,
              k,
              TYPES[random.nextInt(3)],
              TYPES[random.nextInt(3)],
              transA,
              transB,
              lda,
              ldb,
              ldc,
              random.nextBoolean() ? 0 : (transA ? k : m) * lda,
              random.nextBoolean() ? 0 : (transB ? n : k) * ldb,
              m * ldc,
              random.nextFloat() + 0.5f,
              accumulate,
              !accumulate && random.nextBoolean(),
              TYPES[random.nextInt(3)],
              accumulate ? Activation.NONE : activations[random.nextInt(activations.length)]);
      check(p, random);
    }
  }

  /** Sums alone, which may be collected where they are wanted: rows apart, batches, parts of K. */
  @Test
  void sumsAlone() {
    for (int seed = 0; seed < 60; seed++) {
      Random random = new Random(seed);
      int batch = 1 + random.nextInt(3);
      int m = 1 + random.nextInt(random.nextBoolean() ? 20 : 200);
      int n = random.nextBoolean() ? 8 * (1 + random.nextInt(6)) : 1 + random.nextInt(200);
      int k = 1 + random.nextInt(random.nextBoolean() ? 100 : 1200);
      boolean transB = random.nextBoolean();
      long ldc = n + random.nextInt(5);
      GemmProblem p =
          new GemmProblem(
              batch,
              m,
              n,
              k,
              DType.F32,
              TYPES[random.nextInt(3)],
              false,
              transB,
              k,
              transB ? k : n,
              ldc,
              (long) m * k,
              random.nextBoolean() ? 0 : (long) n * k,
              m * ldc + random.nextInt(3),
              1,
              random.nextInt(4) == 0,
              false,
              DType.F32,
              Activation.NONE);
      check(p, random);
    }
  }
}
