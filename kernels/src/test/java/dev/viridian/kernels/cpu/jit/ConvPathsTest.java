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
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.reference.ReferenceConv;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The ways of convolutions that are no minimal filtering, against sums in double. */
final class ConvPathsTest {
  /** A convolution with numbers of its own. */
  private static final class Case {
    final ConvProblem p;
    final HostBuffer x;
    final HostBuffer weight;
    final HostBuffer bias;

    Case(ConvProblem p, Random random) {
      this.p = p;
      x = numbers(random, DType.F32, (long) p.n() * p.h() * p.w() * p.c());
      weight = numbers(random, p.weight(), (long) p.outC() * p.kh() * p.kw() * p.c());
      bias = p.bias() ? numbers(random, p.biasType(), p.outC()) : null;
    }

    private static HostBuffer numbers(Random random, DType type, long count) {
      MemorySegment s = Arena.ofAuto().allocate(count * type.bytes(), 64);
      for (long i = 0; i < count; i++) {
        float value = (float) random.nextGaussian();
        if (type == DType.F32) {
          Numbers.set(s, i, value);
        } else {
          short bits = type == DType.F16 ? Float.floatToFloat16(value) : Numbers.floatToBf16(value);
          s.set(Numbers.SHORT, 2 * i, bits);
        }
      }
      return new HostBuffer(s);
    }

    private HostBuffer result() {
      long count = (long) p.n() * p.outH() * p.outW() * p.outC();
      MemorySegment s = Arena.ofAuto().allocate(4 * count, 64);
      return new HostBuffer(s.fill((byte) 0x7f));
    }

    float[] infer(Kit kit, int threads) {
      HostBuffer y = result();
      try (Workers workers = new Workers(threads)) {
        new JitConv(workers, kit).infer(p, x, weight, bias, y);
      }
      return y.segment().toArray(JAVA_FLOAT);
    }

    float[] forward(Kit kit) {
      HostBuffer y = result();
      try (Workers workers = new Workers(2)) {
        new JitConv(workers, kit).forward(p, x, weight, bias, y);
      }
      return y.segment().toArray(JAVA_FLOAT);
    }

    float[] reference() {
      HostBuffer y = result();
      try (Workers workers = new Workers(2)) {
        new ReferenceConv(workers).forward(p, x, weight, bias, y);
      }
      return y.segment().toArray(JAVA_FLOAT);
    }
  }

  private static double error(float[] actual, float[] expected) {
    double sum = 0;
    double size = 0;
    for (int i = 0; i < expected.length; i++) {
      sum += Math.pow(actual[i] - (double) expected[i], 2);
      size += Math.pow(expected[i], 2);
    }
    return Math.sqrt(sum / size);
  }

  @Test
  void patchesInPairs() {
    assumeTrue(CodePage.supported() && VectorLevel.AVX512.runsHere(), "no AVX-512 here");
    Kit plain = new Kit(VectorLevel.AVX512, CodeCache::get, false);
    Kit pairs = new Kit(VectorLevel.AVX512, CodeCache::get, true);
    Random random = new Random(3);
    // The last is done in several bands.
    for (int[] s :
        new int[][] {
          {2, 31, 30, 128, 144, 3, 2}, {1, 9, 12, 144, 130, 2, 1}, {2, 131, 130, 128, 128, 3, 2}
        }) {
      ConvProblem p =
          ConvProblem.of(s[0], s[1], s[2], s[3], s[4], s[5], s[6], 1)
              .epilogue(true, DType.F32, Activation.SILU);
      Case c = new Case(p, random);
      float[] expected = c.reference();
      float[] one = c.infer(plain, 2);
      float[] other = c.infer(pairs, 2);
      assertFalse(Arrays.equals(one, other), "these are not sums of pairs");
      assertTrue(error(other, expected) < 1.5 * error(one, expected), p.toString());
      assertArrayEquals(one, c.forward(pairs), "where gradients follow");
      assertArrayEquals(other, c.infer(pairs, 3));
      Numbers.set(c.x.segment(), 1000, Float.POSITIVE_INFINITY);
      one = c.infer(plain, 2);
      other = c.infer(pairs, 2);
      for (int i = 0; i < one.length; i++) {
        float allowed = Float.isFinite(one[i]) ? 1e-3f : 0;
        assertEquals(one[i], other[i], allowed, "value " + i + " beside an infinite one");
      }
    }
  }

  private static ConvProblem few(Random random) {
    int kh = 1 + random.nextInt(4);
    int kw = kh == 1 ? 2 : 1 + random.nextInt(4);
    int dilation = 1 + random.nextInt(2);
    DType[] types = {DType.F32, DType.F16, DType.BF16};
    return new ConvProblem(
        1 + random.nextInt(2),
        (kh - 1) * dilation + 1 + random.nextInt(9),
        (kw - 1) * dilation + 1 + random.nextInt(9),
        32 + random.nextInt(60),
        1 + random.nextInt(8),
        kh,
        kw,
        1,
        1,
        random.nextInt(12),
        random.nextInt(4),
        random.nextInt(12),
        random.nextInt(4),
        dilation,
        dilation,
        1,
        types[random.nextInt(3)],
        random.nextBoolean(),
        types[random.nextInt(3)],
        Activation.values()[random.nextInt(4)]);
  }

  @Test
  void fewChannelsOfTheResult() {
    assumeTrue(Kit.best() != null, "no code is generated here");
    for (VectorLevel level : VectorLevel.values()) {
      Kit kit = Kit.of(level);
      for (int seed = 0; kit != null && seed < 60; seed++) {
        Random random = new Random(seed);
        ConvProblem p = few(random);
        assertTrue(TapColumns.takes(p));
        Case c = new Case(p, random);
        float[] actual = c.infer(kit, 2);
        assertEquals(0, error(actual, c.reference()), 2e-6, p.toString());
        assertArrayEquals(actual, c.infer(kit, 1), p.toString());
        assertArrayEquals(actual, c.infer(kit, 3), p.toString());
      }
    }
  }

  /** In bands; and no less exact than one plain sum. */
  @Test
  void fewChannelsOfALargeMap() {
    assumeTrue(Kit.best() != null, "no code is generated here");
    ConvProblem p = ConvProblem.of(1, 150, 130, 320, 8, 3, 1, 1);
    Case c = new Case(p, new Random(4));
    float[] expected = c.reference();
    float[] plain = new float[expected.length];
    for (int i = 0; i < plain.length; i++) {
      int o = i % 8;
      int x = i / 8 % 130;
      int y = i / 8 / 130;
      float sum = 0;
      for (int tap = 0; tap < 9; tap++) {
        long pixel = MapPixels.pixel(p, 0, y, x, tap);
        for (int k = 0; pixel >= 0 && k < 320; k++) {
          float w = Numbers.get(c.weight.segment(), (o * 9L + tap) * 320 + k);
          sum = Math.fma(Numbers.get(c.x.segment(), pixel * 320 + k), w, sum);
        }
      }
      plain[i] = sum;
    }
    float[] actual = c.infer(Kit.best(), 2);
    assertTrue(error(actual, expected) < error(plain, expected));
    assertArrayEquals(actual, c.infer(Kit.best(), 3));
  }

  /** A map of few channels is copied with its border, whatever steps the kernel takes. */
  @Test
  void fewChannelsOfTheMap() {
    assumeTrue(Kit.best() != null, "no code is generated here");
    for (int seed = 0; seed < 60; seed++) {
      Random random = new Random(seed);
      int kh = 1 + random.nextInt(4);
      int kw = 2 + random.nextInt(3);
      int dilation = 1 + random.nextInt(2);
      ConvProblem p =
          new ConvProblem(
              1 + random.nextInt(3),
              (kh - 1) * dilation + 1 + random.nextInt(9),
              kw + random.nextInt(9),
              1 + random.nextInt(16),
              1 + random.nextInt(70),
              kh,
              kw,
              1 + random.nextInt(3),
              1 + random.nextInt(3),
              random.nextInt(6),
              random.nextInt(6),
              random.nextInt(6),
              random.nextInt(6),
              dilation,
              1,
              1,
              DType.F32,
              true,
              DType.F32,
              Activation.NONE);
      assertTrue(PaddedMap.takes(p));
      Case c = new Case(p, random);
      float[] actual = c.infer(Kit.best(), 2);
      assertEquals(0, error(actual, c.reference()), 2e-6, p.toString());
    }
  }
}
