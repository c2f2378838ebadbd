package dev.viridian.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.memory.HostBuffer;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Attention of one implementation against the plain loops, which sum in double. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class AttentionCases {
  /**
   * Of the root mean square, or of the inputs' tenth where the result is what is left of cancelling
   * terms.
   */
  private static final double TOLERANCE = 1e-4;

  private final String implementation;
  private CpuKernels reference;
  private final CpuKernels[] forced = new CpuKernels[3];

  AttentionCases(String implementation) {
    this.implementation = implementation;
  }

  @BeforeAll
  void open() {
    reference = new CpuKernels(CpuOptions.reference(2));
    for (int i = 0; i < 3; i++) {
      forced[i] = new CpuKernels(new CpuOptions(i + 1, Map.of("attention", implementation)));
    }
  }

  @AfterAll
  void close() {
    reference.close();
    for (CpuKernels kernels : forced) {
      kernels.close();
    }
  }

  /** Whether an operation of the first kernels went to the implementation. */
  boolean uses(String operation) {
    return forced[0].choices().contains("attention." + operation + ": " + implementation);
  }

  private void check(AttentionCase c) {
    check(c, TOLERANCE);
  }

  private void check(AttentionCase c, double tolerance) {
    HostBuffer[] results = {c.out, c.lse, c.columnMap, c.dq, c.dk, c.dv};
    check(c, tolerance, results, true);
  }

  private void checkForward(AttentionCase c, double tolerance) {
    check(c, tolerance, new HostBuffer[] {c.out, c.lse, c.columnMap}, false);
  }

  /** Compares with the reference, and 1, 2 and 3 threads with each other, bit by bit. */
  private void check(AttentionCase c, double tolerance, HostBuffer[] results, boolean backward) {
    fill(results);
    c.forward(reference);
    if (backward) {
      c.backward(reference);
    }
    HostBuffer[] expected = copies(results);
    HostBuffer[] first = null;
    for (CpuKernels kernels : forced) {
      fill(results);
      c.forward(kernels);
      if (backward) {
        c.backward(kernels);
      }
      for (int i = 0; i < results.length; i++) {
        if (results[i] != null) {
          double difference = Floats.difference(results[i], expected[i], 0.1);
          int which = i;
          assertTrue(
              difference < tolerance, () -> c.p + ": result " + which + " differs " + difference);
          assertTrue(
              first == null || first[i].segment().mismatch(results[i].segment()) == -1,
              () -> c.p + ": result " + which + " depends on the number of threads");
        }
      }
      first = copies(results);
    }
  }

  /** A number that no result has, also between the tokens: it must stay there. */
  private static void fill(HostBuffer[] results) {
    for (HostBuffer result : results) {
      if (result != null) {
        result.segment().fill((byte) 0x11);
      }
    }
  }

  private static HostBuffer[] copies(HostBuffer[] from) {
    HostBuffer[] result = new HostBuffer[from.length];
    for (int i = 0; i < from.length; i++) {
      result[i] = from[i] == null ? null : Floats.copy(from[i]);
    }
    return result;
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 1, 1, 1",
    "2, 3, 5, 7, 4",
    "1, 2, 17, 77, 40",
    "1, 2, 70, 700, 40",
    "1, 2, 50, 300, 80",
    "2, 1, 321, 320, 17",
    "1, 1, 130, 655, 512",
    "1, 2, 64, 64, 160",
    "1, 2, 700, 33, 64",
    "1, 1, 9, 13, 330",
    "0, 2, 4, 4, 8"
  })
  void awkwardSizes(int batch, int heads, int queries, int keys, int dim) {
    Random random = new Random(queries + keys);
    for (boolean causal : new boolean[] {false, true}) {
      check(new AttentionCase(random, batch, heads, queries, keys, dim, causal));
      check(
          new AttentionCase(random, batch, heads, queries, keys, dim, causal)
              .withoutMask()
              .withoutColumns());
      checkForward(
          new AttentionCase(random, batch, heads, queries, keys, dim, causal).plain().withoutSums(),
          TOLERANCE);
    }
    // Gradients of a single key are left to the plain loops, by either implementation.
    assertTrue(uses("forward") && (keys == 1 || uses("backward")));
  }

  /** Queries and keys around the sizes of tiles, vectors and tasks. */
  @ParameterizedTest
  @ValueSource(ints = {4, 8, 20, 40, 64})
  void everySmallSize(int dim) {
    Random random = new Random(dim);
    for (int size = 1; size <= 70; size++) {
      int keys = 1 + size * 31 % 70;
      AttentionCase c = new AttentionCase(random, 1, 2, size, keys, dim, false);
      checkForward(size % 2 == 0 ? c.plain() : c.withoutMask(), TOLERANCE);
      checkForward(c.plain().withoutSums(), TOLERANCE);
    }
  }

  @Test
  void gapsBetweenTokensStayAsTheyAre() {
    int[][] sizes = {{5, 9, 4}, {50, 300, 40}, {13, 77, 20}};
    for (int[] size : sizes) {
      AttentionCase c = AttentionCase.withGaps(new Random(3), size[0], size[1], size[2]);
      checkForward(c, TOLERANCE);
      checkForward(c.plain(), TOLERANCE);
      checkForward(c.plain().withoutSums(), TOLERANCE);
    }
  }

  @Test
  void scoresFarFromZero() {
    for (float scale : new float[] {300, -300, 0}) {
      AttentionCase c = new AttentionCase(new Random(4), 1, 1, 30, 600, 8, false).withoutMask();
      for (int i = 0; i < 30 * 8; i++) {
        // Small whole numbers: the scores are exact, and many of them the largest.
        Floats.set(c.q, DType.F32, i, scale * (i * 7 % 5 - 2));
      }
      for (int i = 0; i < 600 * 8; i++) {
        Floats.set(c.k, DType.F32, i, 8 * (i * 11 % 7 - 3));
      }
      checkForward(c, 1e-3);
      checkForward(c.plain(), 1e-3);
    }
  }

  /** Lengths of queries and keys allow for scores that are far from those that there are. */
  @ParameterizedTest
  @ValueSource(ints = {8, 40})
  void scoresFarBelowTheirBound(int dim) {
    Random random = new Random(6);
    AttentionCase c = new AttentionCase(random, 1, 2, 70, 300, dim, false).plain();
    for (int i = 0; i < 2 * 70; i++) {
      // All keys look one way; some queries the same, some across, some the other way.
      for (int d = 0; d < dim; d++) {
        float value = d == 0 ? 100f * (i % 5 - 2) : d == 1 ? 200f * (i % 3) : 0;
        Floats.set(c.q, DType.F32, (long) i * dim + d, value);
      }
    }
    for (int j = 0; j < 2 * 300; j++) {
      for (int d = 0; d < dim; d++) {
        Floats.set(c.k, DType.F32, (long) j * dim + d, d == 0 ? 8 + j % 4 / 4f : 0);
      }
    }
    checkForward(c, 1e-3);
    checkForward(c.withoutSums(), 1e-3);
  }

  @ParameterizedTest
  @ValueSource(ints = {8, 40})
  void whatIsNotANumberStaysInItsRow(int dim) {
    for (float odd : new float[] {Float.NaN, Float.POSITIVE_INFINITY, 1e38f}) {
      AttentionCase c = new AttentionCase(new Random(7), 1, 1, 100, 90, dim, false).plain();
      c.withoutSums().forward(forced[0]);
      HostBuffer clean = Floats.copy(c.out);
      Floats.set(c.q, DType.F32, 13 * dim + 3, odd);
      c.forward(forced[0]);
      for (int i = 0; i < 100 * dim; i++) {
        if (i / dim == 13) {
          assertTrue(odd == 1e38f || Float.isNaN(Floats.get(c.out, i)), "value " + i);
        } else {
          assertEquals(Floats.get(clean, i), Floats.get(c.out, i));
        }
      }
      Floats.set(c.q, DType.F32, 13 * dim + 3, 1);
      Floats.set(c.k, DType.F32, 17 * dim + 3, Float.NaN);
      c.forward(forced[0]);
      for (int i = 0; i < 100 * dim; i++) {
        assertTrue(Float.isNaN(Floats.get(c.out, i)), "value " + i);
      }
    }
  }

  @Test
  void largeScoresAndHiddenKeys() {
    AttentionCase c = new AttentionCase(new Random(9), 1, 1, 30, 900, 8, false);
    for (int i = 0; i < 30; i++) {
      for (int j = 0; j < 900; j++) {
        // The largest score lies in the second block, the first is hidden from some queries.
        float mask = j < 400 && i % 2 == 0 ? Float.NEGATIVE_INFINITY : j == 500 ? 90 : -j;
        Floats.set(c.mask, DType.F32, i * 900L + j, mask);
      }
    }
    // Scores near 90 are known to 90 · 2⁻²⁴ only, and so are the probabilities, which in turn are
    // 30 times their root mean square.
    check(c, 3e-4);
  }

  @Test
  void aFullyMaskedRowIsZero() {
    AttentionCase c = new AttentionCase(new Random(9), 1, 1, 3, 900, 8, false);
    for (int j = 0; j < 900; j++) {
      Floats.set(c.mask, DType.F32, 900 + j, Float.NEGATIVE_INFINITY);
    }
    c.forward(forced[1]);
    c.backward(forced[1]);
    assertEquals(Float.NEGATIVE_INFINITY, Floats.get(c.lse, 1));
    for (int d = 0; d < 8; d++) {
      assertEquals(0f, Floats.get(c.out, 8 + d));
      assertEquals(0f, Floats.get(c.dq, 8 + d));
      assertTrue(Float.isFinite(Floats.get(c.dk, d)));
    }
  }
}
