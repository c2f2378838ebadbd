package dev.viridian.kernels.cpu.jit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.viridian.kernels.AttentionKernels;
import dev.viridian.kernels.AttentionKernels.Inputs;
import dev.viridian.kernels.AttentionKernels.Results;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.AttentionProblem.Strides;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.reference.ReferenceAttention;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Attention whose factors and weights are bfloat16, beside plain loops that round the same. */
final class RoundedAttentionTest {
  /** Queries, keys, values of a head: whole and broken blocks, vectors, halves and pairs. */
  private static final int[][] SIZES = {
    {100, 300, 40},
    {64, 64, 160},
    {97, 77, 80},
    {49, 77, 40},
    {13, 2, 7},
    {5, 17, 1},
    {1, 257, 33},
    {2050, 31, 40},
    {30, 513, 24},
    {11, 255, 100}
  };

  /** What multiplies pairs of bfloat16. */
  private enum Way {
    VECTORS,
    TILES,
    /** Tiles in the {@link Emulator}, everything else for AVX2. */
    EMULATED_TILES;

    AttentionKit kit() {
      AttentionKit kit =
          switch (this) {
            case VECTORS -> AttentionKit.of(VectorLevel.AVX512, false, false);
            case TILES -> AttentionKit.of(VectorLevel.AVX512, false, true);
            case EMULATED_TILES -> emulated();
          };
      boolean here = kit != null && (this == VECTORS ? kit.rounds() : kit.tiles(40, true) != null);
      assumeTrue(here, "not available here: " + this);
      return kit;
    }
  }

  private static @Nullable AttentionKit emulated() {
    Kit panels = Kit.of(VectorLevel.AVX2);
    return panels == null
        ? null
        : new AttentionKit(panels, false, true, RoundedAttentionTest::emulated);
  }

  private static @Nullable Code emulated(Generated key) {
    boolean foreign =
        key instanceof AmxAttentionCode || key instanceof NarrowCode || key instanceof WordsCode;
    return foreign ? new Emulator(key.code()) : CodeCache.get(key);
  }

  private static HostBuffer random(Random random, int count, float factor) {
    HostBuffer buffer = new HostBuffer(Arena.ofAuto().allocate(4L * count, 64));
    for (int i = 0; i < count; i++) {
      Numbers.set(buffer.segment(), i, factor * (float) random.nextGaussian());
    }
    return buffer;
  }

  private record Data(AttentionProblem p, HostBuffer q, HostBuffer k, HostBuffer v, int size) {
    static Data of(Random random, int[] s, float length) {
      AttentionProblem p = AttentionProblem.blhd(2, 3, s[0], s[1], s[2]);
      int size = 6 * s[0] * s[2];
      int keys = 6 * s[1] * s[2];
      HostBuffer q = random(random, size, length);
      return new Data(p, q, random(random, keys, 1), random(random, keys, 3), size);
    }

    float[] result(AttentionKernels kernels, boolean rounded) {
      HostBuffer out = random(new Random(9), size, 1);
      if (rounded) {
        kernels.forwardRounded(p, new Inputs(q, k, v), new Results(out));
      } else {
        kernels.forward(p, new Inputs(q, k, v), new Results(out));
      }
      return out.segment().toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  private static double distance(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (a[i] - (double) b[i]) * (a[i] - (double) b[i]);
    }
    return Math.sqrt(sum / a.length);
  }

  /**
   * What differs is the order of sums and, with it, here and there the last bit of a weight: a
   * tenth at most of what rounding makes, which shows that all of it is rounded, and where.
   */
  @ParameterizedTest
  @EnumSource
  void roundsAsPlainLoopsDo(Way way) {
    AttentionKit kit = way.kit();
    Random random = new Random(4);
    try (Workers workers = new Workers(2)) {
      ReferenceAttention loops = new ReferenceAttention(workers);
      JitAttention code = new JitAttention(workers, kit);
      for (int[] s : SIZES) {
        for (float length : new float[] {0.3f, 1, 4, 6}) {
          Data d = Data.of(random, s, length);
          float[] exact = d.result(loops, false);
          float[] expected = d.result(loops, true);
          float[] actual = d.result(code, true);
          String what = d.p + ", length " + length;
          double rounding = distance(exact, expected);
          double wrong = distance(expected, actual);
          assertTrue(rounding > 1e-4 && rounding < 0.1, what + ": rounding makes " + rounding);
          assertTrue(wrong < rounding / 10, what + ": wrong by " + wrong + " of " + rounding);
          for (int i = 0; i < actual.length; i++) {
            // one weight of a row off by its last bit, times two values of up to 4.5 · 3
            assertEquals(expected[i], actual[i], 0.1, what + ", value " + i);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void threadsChangeNothing(Way way) {
    AttentionKit kit = way.kit();
    Random random = new Random(6);
    try (Workers one = new Workers(1);
        Workers three = new Workers(3)) {
      for (int[] s : SIZES) {
        Data d = Data.of(random, s, 1);
        float[] expected = d.result(new JitAttention(one, kit), true);
        assertArrayEquals(expected, d.result(new JitAttention(three, kit), true), d.p.toString());
      }
    }
  }

  /** A row's weights add to 1: equal values come out as they are, whatever the scores. */
  @ParameterizedTest
  @EnumSource
  void weightsAddToOne(Way way) {
    AttentionKit kit = way.kit();
    Random random = new Random(7);
    try (Workers workers = new Workers(2)) {
      for (int[] s : SIZES) {
        Data d = Data.of(random, s, 3);
        for (int i = 0; i < d.v.bytes() / 4; i++) {
          Numbers.set(d.v.segment(), i, 1.5f);
        }
        for (float value : d.result(new JitAttention(workers, kit), true)) {
          assertEquals(1.5f, value, 1e-5f, d.p.toString());
        }
      }
    }
  }

  /**
   * Rows that are too exacting are as without rounding: a query so long that errors would show, one
   * whose scores are all far below their bound, one that is not a number; and what is causal.
   */
  @ParameterizedTest
  @EnumSource
  void exactingRowsStayExact(Way way) {
    AttentionKit kit = way.kit();
    Random random = new Random(8);
    try (Workers workers = new Workers(2)) {
      Data d = Data.of(random, new int[] {60, 90, 40}, 1);
      for (int i = 0; i < 40; i++) {
        Numbers.set(d.q.segment(), 7L * 120 + i, 200 * (float) random.nextGaussian());
        Numbers.set(d.q.segment(), 9L * 120 + i, i == 39 ? 250 : 0);
        Numbers.set(d.q.segment(), 11L * 120 + i, i == 3 ? Float.NaN : 1);
      }
      for (int j = 0; j < 90; j++) { // of the last value all keys have the other sign
        Numbers.set(d.k.segment(), j * 120L + 39, -3);
      }
      ReferenceAttention loops = new ReferenceAttention(workers);
      float[] exact = d.result(loops, false);
      float[] rounded = d.result(loops, true);
      float[] actual = d.result(new JitAttention(workers, kit), true);
      for (int i = 0; i < 40; i++) {
        for (int row : new int[] {7, 9}) {
          assertEquals(exact[row * 120 + i], actual[row * 120 + i], 2e-3, "row " + row);
        }
        assertTrue(Float.isNaN(actual[11 * 120 + i]));
        assertEquals(rounded[8 * 120 + i], actual[8 * 120 + i], 0.02, "a row between them");
      }
      Strides q = d.p.q();
      AttentionProblem causal =
          new AttentionProblem(2, 3, 60, 90, 40, 0.1f, true, q, d.p.k(), d.p.k(), q, Strides.NONE);
      Data c = new Data(causal, d.q, d.k, d.v, d.size);
      assertArrayEquals(
          c.result(new JitAttention(workers, kit), false),
          c.result(new JitAttention(workers, kit), true));
    }
  }

  @ParameterizedTest
  @EnumSource
  void shortBuffersAreRefused(Way way) {
    AttentionKit kit = way.kit();
    try (Workers workers = new Workers(1)) {
      Data d = Data.of(new Random(1), new int[] {5, 7, 8}, 1);
      JitAttention code = new JitAttention(workers, kit);
      HostBuffer small = d.k.slice(0, d.k.bytes() - 4);
      assertThrows(
          IndexOutOfBoundsException.class,
          () -> code.forwardRounded(d.p, new Inputs(d.q, small, d.v), new Results(d.q)));
    }
  }
}
