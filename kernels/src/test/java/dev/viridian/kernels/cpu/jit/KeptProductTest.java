package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.cpu.reference.ReferencePacked;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Products by weights that were turned with their model, where pairs do not gain. */
final class KeptProductTest {
  private static final Workers WORKERS = new Workers(2);

  /** Rows, output channels and K. */
  private static final int[][] SIZES = {
    {1, 33, 16},
    {5, 64, 80},
    {6, 100, 320},
    {16, 31, 400},
    {77, 100, 768},
    {77, 128, 1024},
    {96, 64, 336},
    {154, 330, 1296},
    {96, 1024, 800},
    {257, 90, 3072}
  };

  @BeforeAll
  static void code() {
    assumeTrue(CodePage.supported() && VectorLevel.AVX2.runsHere(), "no generated code here");
  }

  @AfterAll
  static void close() {
    WORKERS.close();
  }

  private static Kit kit(VectorLevel level) {
    assumeTrue(level.runsHere(), level + " does not run here");
    Kit kit = new Kit(level, CodeCache::get, false);
    assertTrue(kit.keeps(), "the code failed its trial");
    return kit;
  }

  private static float[] numbers(Random random, int count) {
    float[] numbers = new float[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = random.nextFloat() - 0.5f;
    }
    return numbers;
  }

  /** A product by a weight that is packed for it, with a bias. */
  private static float[] product(JitKept kept, PackedWeight w, int rows, float[] x, float[] y) {
    return product(kept, w, rows, x, y, true);
  }

  /** The same, with a bias or without. */
  private static float[] product(
      JitKept kept, PackedWeight w, int rows, float[] x, float[] y, boolean biased) {
    try (Arena arena = Arena.ofShared()) {
      HostBuffer left = new HostBuffer(arena.allocateFrom(JAVA_FLOAT, x));
      HostBuffer right = new HostBuffer(arena.allocateFrom(JAVA_FLOAT, y));
      HostBuffer bias =
          biased ? new HostBuffer(arena.allocateFrom(JAVA_FLOAT, bias(w.out()))) : null;
      HostBuffer packed = new HostBuffer(arena.allocate(w.bytes(), 64).fill((byte) -1));
      MemorySegment c = arena.allocate(4L * rows * w.out(), 64).fill((byte) -1);
      kept.pack(w, DType.F32, right, packed);
      kept.product(w, rows, left, packed, DType.F32, bias, new HostBuffer(c));
      return c.toArray(JAVA_FLOAT);
    }
  }

  private static float[] bias(int out) {
    float[] bias = new float[out];
    for (int i = 0; i < out; i++) {
      bias[i] = i;
    }
    return bias;
  }

  @ParameterizedTest
  @EnumSource(VectorLevel.class)
  void plainSumsWhateverTheSizes(VectorLevel level) {
    Kit kit = kit(level);
    for (int[] s : SIZES) {
      PackedWeight w = new PackedWeight(Precision.F32, s[1], 1, s[2]);
      Random random = new Random(5);
      float[] x = numbers(random, s[0] * s[2]);
      float[] y = numbers(random, s[1] * s[2]);
      for (boolean biased : new boolean[] {false, true}) {
        float[] actual = product(new JitKept(WORKERS, kit), w, s[0], x, y, biased);
        check(s, x, y, biased, actual);
        for (int threads : new int[] {1, 3}) {
          try (Workers workers = new Workers(threads)) {
            assertArrayEquals(actual, product(new JitKept(workers, kit), w, s[0], x, y, biased));
          }
        }
      }
    }
  }

  private static void check(int[] s, float[] x, float[] y, boolean biased, float[] actual) {
    for (int i = 0; i < actual.length; i++) {
      int row = i / s[1] * s[2];
      int column = i % s[1] * s[2];
      double sum = biased ? i % s[1] : 0;
      double size = sum;
      for (int k = 0; k < s[2]; k++) {
        double term = (double) x[row + k] * y[column + k];
        sum += term;
        size += Math.abs(term);
      }
      assertEquals(sum, actual[i], 1e-6 * size, Arrays.toString(s) + ", value " + i);
    }
  }

  /** What is not finite stays where it belongs. */
  @Test
  void whatIsNotFinite() {
    Kit kit = kit(VectorLevel.AVX2);
    PackedWeight w = new PackedWeight(Precision.F32, 96, 1, 800);
    for (float value : new float[] {Float.POSITIVE_INFINITY, Float.NaN, 1e30f}) {
      float[] x = numbers(new Random(1), 40 * 800);
      float[] y = numbers(new Random(2), 96 * 800);
      float[] before = product(new JitKept(WORKERS, kit), w, 40, x, y);
      y[20 * 800 + 500] = value;
      float[] after = product(new JitKept(WORKERS, kit), w, 40, x, y);
      for (int i = 0; i < after.length; i++) {
        if (i % 96 == 20) {
          assertTrue(!(Math.abs(after[i]) < 1e20f), "value " + i + ": " + after[i]);
        } else {
          assertEquals(before[i], after[i], "value " + i);
        }
      }
    }
  }

  /** Plain loops read what is packed here as the numbers that it was. */
  @Test
  void theFormIsOneThatPlainLoopsRead() {
    Kit kit = kit(VectorLevel.AVX2);
    for (int k : new int[] {16, 400, 1296}) {
      PackedWeight w = new PackedWeight(Precision.F32, 45, 1, k);
      float[] y = numbers(new Random(3), 45 * k);
      float[] ones = new float[k];
      try (Arena arena = Arena.ofShared()) {
        HostBuffer packed = new HostBuffer(arena.allocate(w.bytes(), 64).fill((byte) -1));
        HostBuffer right = new HostBuffer(arena.allocateFrom(JAVA_FLOAT, y));
        new JitKept(WORKERS, kit).pack(w, DType.F32, right, packed);
        for (int p : Stream.of(0, 15, k / 2, k - 1).mapToInt(i -> i).toArray()) {
          Arrays.fill(ones, 0);
          ones[p] = 1;
          MemorySegment c = arena.allocate(4L * 45);
          HostBuffer left = new HostBuffer(arena.allocateFrom(JAVA_FLOAT, ones));
          new ReferencePacked(WORKERS)
              .product(w, 1, left, packed, DType.F32, null, new HostBuffer(c));
          for (int j = 0; j < 45; j++) {
            assertEquals(y[j * k + p], c.getAtIndex(JAVA_FLOAT, j), "column " + j + ", " + p);
          }
        }
      }
    }
  }
}
