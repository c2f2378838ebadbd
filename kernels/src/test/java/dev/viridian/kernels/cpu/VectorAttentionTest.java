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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Attention on the Vector API against the plain loops, which sum in double. */
final class VectorAttentionTest {
  /**
   * Of the root mean square, or of the inputs' tenth where the result is what is left of cancelling
   * terms.
   */
  private static final double TOLERANCE = 1e-4;

  private static CpuKernels reference;
  private static final CpuKernels[] VECTOR = new CpuKernels[3];

  @BeforeAll
  static void open() {
    reference = new CpuKernels(CpuOptions.reference(2));
    for (int i = 0; i < 3; i++) {
      VECTOR[i] = new CpuKernels(new CpuOptions(i + 1, Map.of("attention", "vector")));
    }
  }

  @AfterAll
  static void close() {
    reference.close();
    for (CpuKernels kernels : VECTOR) {
      kernels.close();
    }
  }

  private static void check(AttentionCase c) {
    check(c, TOLERANCE);
  }

  private static void check(AttentionCase c, double tolerance) {
    c.forward(reference);
    c.backward(reference);
    HostBuffer[] results = {c.out, c.lse, c.dq, c.dk, c.dv, c.columnMap};
    HostBuffer[] expected = copies(results);
    HostBuffer[] first = null;
    for (CpuKernels kernels : VECTOR) {
      for (HostBuffer result : results) {
        if (result != null) {
          result.segment().fill((byte) 0x11);
        }
      }
      c.forward(kernels);
      c.backward(kernels);
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
    }
    // A single key is left to the plain loops: see VectorAttention.accepts.
    assertTrue(
        batch == 0 || keys == 1 || VECTOR[0].choices().contains("attention.backward: vector"));
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
    c.forward(VECTOR[1]);
    c.backward(VECTOR[1]);
    assertEquals(Float.NEGATIVE_INFINITY, Floats.get(c.lse, 1));
    for (int d = 0; d < 8; d++) {
      assertEquals(0f, Floats.get(c.out, 8 + d));
      assertEquals(0f, Floats.get(c.dq, 8 + d));
      assertTrue(Float.isFinite(Floats.get(c.dk, d)));
    }
  }
}
