package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.reference.ReferenceConv;
import dev.viridian.kernels.cpu.reference.ReferencePacked;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Products by a weight whose sums are those of {@link PairSums}, wherever there is AVX-512. */
final class PairProductTest {
  private static final Workers WORKERS = new Workers(2);

  /** By whether sums are those of pairs. */
  private static final Kit[] KITS = new Kit[2];

  @BeforeAll
  static void makeKits() {
    assumeTrue(CodePage.supported() && VectorLevel.AVX512.runsHere(), "no AVX-512 here");
    for (int i = 0; i < KITS.length; i++) {
      KITS[i] = new Kit(VectorLevel.AVX512, CodeCache::get, i == 1);
    }
    assertTrue(KITS[1].pairs() && !KITS[0].pairs(), "the code for pairs failed its trial");
  }

  @AfterAll
  static void close() {
    WORKERS.close();
  }

  /** A product with factors of its own. */
  private static final class Case {
    final int m;
    final int n;
    final int k;
    final float[] a;
    final float[] b;

    Case(int m, int n, int k, long seed) {
      this.m = m;
      this.n = n;
      this.k = k;
      Random random = new Random(seed);
      IntToDoubleFunction number = i -> random.nextGaussian();
      a = floats(m * k, number);
      b = floats(n * k, number);
    }

    static float[] floats(int count, IntToDoubleFunction value) {
      float[] x = new float[count];
      for (int i = 0; i < count; i++) {
        x[i] = (float) value.applyAsDouble(i);
      }
      return x;
    }

    void scaleRow(int row, float by) {
      for (int i = row * k; i < (row + 1) * k; i++) {
        a[i] *= by;
      }
    }

    void scaleColumn(int column, float by) {
      for (int i = column * k; i < (column + 1) * k; i++) {
        b[i] *= by;
      }
    }

    float[] product(boolean pairs) {
      return product(KITS[pairs ? 1 : 0], WORKERS);
    }

    float[] product(Kit kit, Workers workers) {
      try (Arena arena = Arena.ofShared()) {
        GemmProblem p = GemmProblem.of(m, n, k, false, true);
        MemorySegment c = arena.allocate(4L * m * n, 64).fill((byte) -1);
        HostBuffer left = new HostBuffer(arena.allocateFrom(JAVA_FLOAT, a));
        HostBuffer right = new HostBuffer(arena.allocateFrom(JAVA_FLOAT, b));
        new JitGemm(workers, kit).gemm(p, left, right, null, new HostBuffer(c));
        return c.toArray(JAVA_FLOAT);
      }
    }

    /** The same by a weight that was packed before. */
    float[] packedProduct(Workers workers) {
      try (Arena arena = Arena.ofShared()) {
        MemorySegment c = arena.allocate(4L * m * n, 64).fill((byte) -1);
        HostBuffer left = new HostBuffer(arena.allocateFrom(JAVA_FLOAT, a));
        HostBuffer right = new HostBuffer(arena.allocateFrom(JAVA_FLOAT, b));
        PackedWeight form = new PackedWeight(Precision.F32, n, 1, k);
        HostBuffer packed = new HostBuffer(arena.allocate(form.bytes(), 64).fill((byte) -1));
        JitKept paired = new JitKept(workers, KITS[1]);
        paired.pack(form, DType.F32, right, packed);
        paired.product(form, m, left, packed, DType.F32, null, new HostBuffer(c));
        return c.toArray(JAVA_FLOAT);
      }
    }

    /** Largest error of a value relative to the lengths of its row and column; and all's mean. */
    double[] errors(float[] c) {
      double worst = 0;
      double mean = 0;
      double size = 0;
      for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
          double sum = 0;
          double row = 0;
          double column = 0;
          for (int p = 0; p < k; p++) {
            double x = a[i * k + p];
            double y = b[j * k + p];
            sum += x * y;
            row += x * x;
            column += y * y;
          }
          double error = c[i * n + j] - sum;
          double lengths = Math.sqrt(row * column);
          assertTrue(error == 0 || lengths > 0, "row " + i + ", column " + j + ": " + error);
          worst = Math.max(worst, lengths == 0 ? 0 : Math.abs(error) / lengths);
          mean += error * error;
          size += sum * sum;
        }
      }
      return new double[] {worst, Math.sqrt(mean / size)};
    }
  }

  @Test
  void asExactAsPlainSumsWhateverTheSizes() {
    int[][] sizes = {
      {16, 64, 64},
      {17, 65, 80},
      {77, 100, 768},
      {96, 64, 336},
      {97, 330, 320},
      {200, 72, 1296},
      {257, 90, 400},
      {300, 640, 64},
      {23, 70, 16400}
    };
    for (int[] s : sizes) {
      Case c = new Case(s[0], s[1], s[2], 1);
      float[] paired = c.product(true);
      float[] plain = c.product(false);
      assertFalse(Arrays.equals(paired, plain), "these are not sums of pairs");
      double error = c.errors(paired)[1];
      assertTrue(error < 1.5 * c.errors(plain)[1], Arrays.toString(s) + ": " + error);
    }
  }

  /** What was scaled when a model was loaded gives what is scaled in each product, to the bit. */
  @Test
  void packedWeightsGiveTheSame() {
    int[][] sizes = {{16, 64, 64}, {77, 100, 768}, {40, 96, 1296}, {154, 330, 320}, {300, 72, 400}};
    for (int[] s : sizes) {
      Case c = new Case(s[0], s[1], s[2], 12);
      // Above 32 rows and columns the pieces of K are those of a packed weight.
      float[] expected = c.product(true);
      float[] actual = c.packedProduct(WORKERS);
      if (s[0] > 32) {
        assertArrayEquals(expected, actual, Arrays.toString(s));
      }
      assertTrue(c.errors(actual)[1] < 4e-7, Arrays.toString(s));
      for (int threads : new int[] {1, 3}) {
        try (Workers workers = new Workers(threads)) {
          assertArrayEquals(actual, c.packedProduct(workers));
        }
      }
    }
  }

  @Test
  void packedWeightsAndFewRows() {
    for (int rows : new int[] {1, 5, 8, 9}) {
      Case c = new Case(rows, 70, 784, 13);
      assertTrue(c.errors(c.packedProduct(WORKERS))[1] < 3e-7, rows + " rows");
    }
  }

  /** Values and powers of the packed form are what plain loops write; sums but for rounding. */
  @Test
  void thePackedFormIsThatOfPlainLoops() {
    for (float special : new float[] {1, 0, 1e-39f, 0x1p59f, 0x1p60f, Float.NaN}) {
      int n = 45;
      int k = 400;
      Case c = new Case(1, n, k, 14);
      c.scaleColumn(3, 0);
      c.scaleColumn(7, 1e30f * 1e-13f);
      c.b[40 * k + 390] *= special;
      PackedWeight form = new PackedWeight(Precision.F32, n, 1, k);
      try (Arena arena = Arena.ofShared()) {
        HostBuffer weight = new HostBuffer(arena.allocateFrom(JAVA_FLOAT, c.b));
        HostBuffer own = new HostBuffer(arena.allocate(form.bytes(), 64));
        HostBuffer plain = new HostBuffer(arena.allocate(form.bytes(), 64));
        new JitKept(WORKERS, KITS[1]).pack(form, DType.F32, weight, own);
        new ReferencePacked(WORKERS).pack(form, DType.F32, weight, plain);
        float[] actual = own.segment().toArray(JAVA_FLOAT);
        float[] expected = plain.segment().toArray(JAVA_FLOAT);
        boolean[] sums = new boolean[expected.length];
        for (int panel = 0; panel < form.panels(); panel++) {
          for (int value = 0; value < k; value++) {
            int at = Math.toIntExact(form.numbersAt(panel, value) / Float.BYTES);
            Arrays.fill(sums, at, at + PackedWeight.PANEL, true);
          }
        }
        for (int i = 0; i < expected.length; i++) {
          float tolerance = sums[i] ? 1e-5f : 0;
          assertEquals(expected[i], actual[i], tolerance, special + ", float " + i);
        }
      }
    }
  }

  @Test
  void packedWeightsAndWhatIsNotFinite() {
    for (float value : new float[] {Float.POSITIVE_INFINITY, Float.NaN, -2e30f, 0x1p60f}) {
      for (boolean left : new boolean[] {true, false}) {
        Case c = new Case(40, 96, 800, 7);
        (left ? c.a : c.b)[20 * c.k + 500] = value;
        float[] expected = c.product(true);
        float[] actual = c.packedProduct(WORKERS);
        for (int i = 0; i < actual.length; i++) {
          float e = expected[i];
          assertEquals(e, actual[i], Float.isFinite(e) ? 1e-6f * Math.abs(e) : 0, value + ": " + i);
        }
      }
    }
  }

  @Test
  void numbersOfOneSign() {
    Case c = new Case(50, 80, 1280, 2);
    for (float[] factor : new float[][] {c.a, c.b}) {
      for (int i = 0; i < factor.length; i++) {
        factor[i] = Math.abs(factor[i]);
      }
    }
    assertTrue(c.errors(c.product(true))[1] < 3e-7);
  }

  /** A few large values among small ones: of a row, of a column. */
  @Test
  void outliers() {
    Case c = new Case(40, 96, 640, 3);
    Random random = new Random(4);
    for (int i = 0; i < 200; i++) {
      c.a[random.nextInt(c.a.length)] *= 1000;
      c.b[random.nextInt(c.b.length)] *= 1000;
    }
    assertTrue(c.errors(c.product(true))[0] < 1e-6);
  }

  /** Scaling one row or column by a power of two scales its results exactly, and no others. */
  @Test
  void noRowOrColumnDependsOnTheSizeOfAnother() {
    for (int rows : new int[] {40, 120}) {
      Case c = new Case(rows, 96, 320, 5);
      float[] expected = c.product(true);
      c.scaleRow(9, 0x1p20f);
      c.scaleRow(11, 0x1p-70f);
      c.scaleColumn(33, 0x1p-20f);
      c.scaleColumn(70, 0x1p30f);
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < c.n; j++) {
          int power = (i == 9 ? 20 : i == 11 ? -70 : 0) + (j == 33 ? -20 : j == 70 ? 30 : 0);
          expected[i * c.n + j] = Math.scalb(expected[i * c.n + j], power);
        }
      }
      assertArrayEquals(expected, c.product(true));
    }
  }

  @Test
  void rowsAndColumnsOfZerosGiveZeros() {
    Case c = new Case(40, 96, 320, 6);
    c.scaleRow(9, 0);
    c.scaleColumn(33, 0);
    float[] actual = c.product(true);
    for (int i = 0; i < c.m; i++) {
      for (int j = 0; j < c.n; j++) {
        assertEquals(i == 9 || j == 33, actual[i * c.n + j] == 0, "row " + i + ", column " + j);
      }
    }
    assertTrue(c.errors(actual)[1] < 3e-7);
  }

  /** What is not finite or very large makes of a result what plain sums make of it. */
  @Test
  void infinitiesAndVeryLargeNumbers() {
    float infinity = Float.POSITIVE_INFINITY;
    float[] special = {infinity, -infinity, Float.NaN, 3e38f, -2e30f, 0x1p60f};
    for (int rows : new int[] {40, 120}) {
      for (float value : special) {
        for (boolean left : new boolean[] {true, false}) {
          Case c = new Case(rows, 96, 320, 7);
          (left ? c.a : c.b)[20 * c.k + 100] = value;
          float[] expected = c.product(false);
          float[] actual = c.product(true);
          for (int i = 0; i < actual.length; i++) {
            // A row goes with the other seven of its tile, a column with those of its panel.
            boolean same = left ? i / c.n / 8 == 2 : i % c.n / 32 == 0;
            float e = expected[i];
            float tolerance = same || !Float.isFinite(e) ? 0 : 1e-4f;
            assertEquals(e, actual[i], tolerance, value + " gave value " + i);
          }
        }
      }
    }
  }

  @Test
  void sumsThatOverflowAndOthersThatAreVerySmall() {
    Case c = new Case(40, 96, 320, 8);
    c.scaleRow(1, 1e17f);
    c.scaleColumn(2, 1e17f);
    c.scaleRow(3, 1e-30f);
    c.scaleColumn(4, 1e-30f);
    float[] expected = c.product(false);
    float[] actual = c.product(true);
    for (int i = 0; i < actual.length; i++) {
      assertEquals(expected[i], actual[i], 2e-5f * Math.abs(expected[i]) + 1e-37f + margin(c, i));
    }
  }

  /** A few units of the last place of the product of a row's and a column's length. */
  private static float margin(Case c, int i) {
    double row = i / c.n == 1 ? 1e17 : i / c.n == 3 ? 1e-30 : 1;
    double column = i % c.n == 2 ? 1e17 : i % c.n == 4 ? 1e-30 : 1;
    return (float) (4e-7 * 320 * row * column);
  }

  @Test
  void threadsDecideNothing() {
    for (int[] s : new int[][] {{77, 330, 768}, {300, 640, 320}}) {
      Case c = new Case(s[0], s[1], s[2], 9);
      c.a[5 * c.k + 3] = 1e30f; // a tile that goes another way
      float[] expected = c.product(true);
      for (int threads : new int[] {1, 3, 5}) {
        try (Workers workers = new Workers(threads)) {
          assertArrayEquals(expected, c.product(KITS[1], workers));
        }
      }
    }
  }

  /** Minimal filtering: the same sums, as exact, and plain ones for all where one value is odd. */
  @Test
  void convolutions() {
    Random random = new Random(11);
    for (int[] s : new int[][] {{2, 29, 30, 128, 144}, {1, 40, 37, 336, 128}}) {
      ConvProblem p =
          ConvProblem.of(s[0], s[1], s[2], s[3], s[4], 3, 1, 1)
              .epilogue(true, DType.F32, Activation.SILU);
      try (Arena arena = Arena.ofShared()) {
        HostBuffer x = random(arena, random, s[0] * s[1] * s[2] * s[3], DType.F32);
        HostBuffer weight = random(arena, random, 9 * s[3] * s[4], DType.F32);
        HostBuffer bias = random(arena, random, s[4], DType.F32);
        HostBuffer y = random(arena, random, s[0] * s[1] * s[2] * s[4], DType.F32);
        new ReferenceConv(WORKERS).forward(p, x, weight, bias, y);
        float[] expected = y.segment().toArray(JAVA_FLOAT);
        double[] errors = new double[2];
        float[][] results = new float[2][];
        for (int pairs = 0; pairs < 2; pairs++) {
          new JitConv(WORKERS, KITS[pairs]).infer(p, x, weight, bias, y);
          results[pairs] = y.segment().toArray(JAVA_FLOAT);
          for (int i = 0; i < expected.length; i++) {
            errors[pairs] += Math.pow(results[pairs][i] - (double) expected[i], 2);
          }
        }
        assertFalse(Arrays.equals(results[0], results[1]), "these are not sums of pairs");
        assertTrue(errors[1] < 1.5 * 1.5 * errors[0], errors[1] + " instead of " + errors[0]);
        new JitConv(WORKERS, KITS[1]).forward(p, x, weight, bias, y);
        assertArrayEquals(results[0], y.segment().toArray(JAVA_FLOAT), "where gradients follow");
        try (Workers workers = new Workers(3)) {
          new JitConv(workers, KITS[1]).infer(p, x, weight, bias, y);
          assertArrayEquals(results[1], y.segment().toArray(JAVA_FLOAT));
        }
        for (boolean left : new boolean[] {true, false}) {
          for (float value : new float[] {Float.POSITIVE_INFINITY, Float.NaN, 1e30f}) {
            HostBuffer changed = left ? x : weight;
            float before = Numbers.get(changed.segment(), 1000);
            Numbers.set(changed.segment(), 1000, value);
            for (int pairs = 0; pairs < 2; pairs++) {
              new JitConv(WORKERS, KITS[pairs]).infer(p, x, weight, bias, y);
              results[pairs] = y.segment().toArray(JAVA_FLOAT);
            }
            assertArrayEquals(results[0], results[1]);
            Numbers.set(changed.segment(), 1000, before);
          }
        }
      }
    }
  }

  /** Rows and columns apart in memory, a 16-bit weight, a bias, on top of what is there. */
  @Test
  void leadingDimensionsTypesAndEpilogues() {
    int m = 50;
    int n = 70;
    int k = 96;
    Random random = new Random(10);
    try (Arena arena = Arena.ofShared()) {
      for (DType type : new DType[] {DType.F32, DType.F16, DType.BF16}) {
        GemmProblem p =
            GemmProblem.of(m, n, k, false, true)
                .types(DType.F32, type)
                .leading(k + 5, k + 3, n + 7)
                .epilogue(true, DType.F32, Activation.NONE);
        HostBuffer a = random(arena, random, m * (k + 5), DType.F32);
        HostBuffer b = random(arena, random, n * (k + 3), type);
        HostBuffer bias = random(arena, random, n, DType.F32);
        HostBuffer c = random(arena, random, m * (n + 7), DType.F32);
        float[] before = c.segment().toArray(JAVA_FLOAT);
        new JitGemm(WORKERS, KITS[1]).gemm(p, a, b, bias, c);
        for (int i = 0; i < m; i++) {
          for (int j = 0; j < n + 7; j++) {
            int at = i * (n + 7) + j;
            if (j >= n) {
              assertEquals(before[at], Numbers.get(c.segment(), at), "beside the result");
              continue;
            }
            double sum = Numbers.get(bias.segment(), j);
            for (int q = 0; q < k; q++) {
              double x = Numbers.get(a.segment(), (long) i * (k + 5) + q);
              sum += x * Numbers.get(b.segment(), type, (long) j * (k + 3) + q);
            }
            assertEquals(sum, Numbers.get(c.segment(), at), 2e-5, type + ", row " + i);
          }
        }
      }
    }
  }

  private static HostBuffer random(Arena arena, Random random, int count, DType type) {
    MemorySegment memory = arena.allocate((long) count * type.bytes(), 64);
    for (int i = 0; i < count; i++) {
      float value = (float) random.nextGaussian();
      switch (type) {
        case F16 -> memory.set(Numbers.SHORT, 2L * i, Float.floatToFloat16(value));
        case BF16 -> memory.set(Numbers.SHORT, 2L * i, Numbers.floatToBf16(value));
        default -> memory.setAtIndex(JAVA_FLOAT, i, value);
      }
    }
    return new HostBuffer(memory);
  }
}
