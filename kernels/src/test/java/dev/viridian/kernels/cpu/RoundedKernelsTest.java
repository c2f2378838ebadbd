package dev.viridian.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.AttentionKernels.Gradients;
import dev.viridian.kernels.AttentionKernels.Inputs;
import dev.viridian.kernels.AttentionKernels.Results;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.Bf16Rounding;
import dev.viridian.kernels.memory.CachingAllocator;
import dev.viridian.kernels.memory.HostBuffer;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Rounded factors against plain loops on numbers that were rounded before, which sum in F32. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class RoundedKernelsTest {
  /** Both multiply the same numbers: what differs is the order of sums. */
  private static final double TOLERANCE = 2e-5;

  private final CachingAllocator allocator = new CachingAllocator();
  private CpuKernels reference;
  private RoundedKernels[] rounded;

  @BeforeAll
  void open() {
    reference = new CpuKernels(CpuOptions.reference(2));
    rounded = new RoundedKernels[3];
    for (int i = 0; i < 3; i++) {
      CpuKernels own =
          new CpuKernels(i == 2 ? CpuOptions.reference(2) : new CpuOptions(i + 1, Map.of()));
      rounded[i] = new RoundedKernels(own, allocator, own.workers());
    }
  }

  @AfterAll
  void close() {
    assertEquals(0, allocator.usage().used(), "memory of factors");
    reference.close();
    for (RoundedKernels k : rounded) {
      k.close();
    }
  }

  private static HostBuffer rounded(HostBuffer x) {
    HostBuffer to = Floats.zeros(Floats.count(x));
    for (long i = 0; i < Floats.count(x); i++) {
      float value = Numbers.bf16ToFloat(Numbers.floatToBf16(Floats.get(x, i)));
      Floats.set(to, DType.F32, i, value);
    }
    return to;
  }

  @Test
  void numbersAreThoseOfThePlainLoops() {
    try (Workers workers = new Workers(2)) {
      for (int count : new int[] {0, 1, 15, 17, 40, 1 << 15, (1 << 16) + 5}) {
        HostBuffer x = Floats.random(new Random(count), count);
        float[] special = {
          Float.NaN,
          Float.intBitsToFloat(0xff800001),
          Float.POSITIVE_INFINITY,
          -0f,
          Float.MAX_VALUE,
          Float.MIN_VALUE,
          Float.intBitsToFloat(0x3f808000),
          Float.intBitsToFloat(0x3f818000),
          Float.intBitsToFloat(0x3f808001)
        };
        for (int i = 0; i < Math.min(count, special.length); i++) {
          Floats.set(x, DType.F32, i, special[i]);
        }
        HostBuffer y = Floats.filled(count + 1L, 7);
        new Bf16Rounding(workers).round(count, x, y);
        for (int i = 0; i < count; i++) {
          int expected = Numbers.floatToBf16(Floats.get(x, i)) << 16;
          assertEquals(expected, Float.floatToRawIntBits(Floats.get(y, i)), "value " + i);
        }
        assertEquals(7, Floats.get(y, count), "behind the end");
      }
    }
  }

  private static void near(HostBuffer actual, HostBuffer expected, Object what) {
    double difference = Floats.difference(actual, expected);
    assertTrue(difference < TOLERANCE, () -> what + " differs by " + difference);
  }

  private void product(GemmProblem p, Random random, DType b) {
    long sizeA = Math.max(1, p.batch()) * (long) p.m() * p.k() + 3;
    long sizeB = Math.max(1, p.batch()) * (long) p.n() * p.k() + 3;
    HostBuffer left = Floats.random(random, sizeA);
    HostBuffer right = Floats.random(random, b, sizeB);
    HostBuffer wide = Floats.zeros(sizeB);
    for (long i = 0; i < sizeB; i++) {
      Floats.set(wide, DType.F32, i, Floats.get(right, b, i));
    }
    HostBuffer bias = p.bias() ? Floats.random(random, p.n()) : null;
    long sizeC = Math.max(1, p.batch()) * (long) p.m() * p.n();
    HostBuffer expected = Floats.filled(sizeC, 0.5f);
    reference.gemm().gemm(p, rounded(left), rounded(wide), bias, expected);
    for (RoundedKernels k : rounded) {
      HostBuffer actual = Floats.filled(sizeC, 0.5f);
      k.gemm().gemm(p.types(DType.F32, b), left, right, bias, actual);
      near(actual, expected, p);
    }
  }

  @Test
  void products() {
    Random random = new Random(1);
    for (int[] s :
        new int[][] {
          {1, 1, 1},
          {5, 7, 17},
          {77, 96, 64},
          {97, 101, 131},
          {256, 64, 333},
          {64, 320, 128},
          {130, 33, 258},
          {3, 5, 0}
        }) {
      for (int layout = 0; layout < 4; layout++) {
        GemmProblem p = GemmProblem.of(s[0], s[1], s[2], layout >= 2, layout % 2 == 1);
        product(p, random, DType.F32);
        product(p.accumulating(), random, DType.F32);
        product(p.epilogue(true, DType.F32, Activation.NONE), random, DType.BF16);
        product(p.epilogue(true, DType.F32, Activation.SILU), random, DType.F16);
        long a = (long) s[0] * s[2];
        product(
            p.batched(3, a, layout == 0 ? 0 : (long) s[1] * s[2], (long) s[0] * s[1]),
            random,
            DType.F32);
      }
    }
  }

  /** A NaN or an infinity stays one, in its row and column. */
  @Test
  void notFiniteStaysSo() {
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      for (RoundedKernels k : rounded) {
        HostBuffer a = Floats.filled(80 * 64, 1);
        HostBuffer b = Floats.filled(64 * 64, 1);
        Floats.set(a, DType.F32, 70 * 64 + 5, bad);
        HostBuffer c = Floats.zeros(80 * 64);
        k.gemm().gemm(GemmProblem.of(80, 64, 64, false, true), a, b, null, c);
        assertTrue(!Float.isFinite(Floats.get(c, 70 * 64 + 9)));
        assertEquals(64, Floats.get(c, 69 * 64 + 9));
      }
    }
  }

  private void convolution(ConvProblem p, Random random) {
    HostBuffer x = Floats.random(random, (long) p.n() * p.h() * p.w() * p.c());
    long filters = (long) p.outC() * p.kh() * p.kw() * p.c() / p.groups();
    HostBuffer w = Floats.random(random, filters);
    HostBuffer dy = Floats.random(random, (long) p.n() * p.outH() * p.outW() * p.outC());
    HostBuffer y = Floats.zeros(Floats.count(dy));
    HostBuffer dx = Floats.zeros(Floats.count(x));
    HostBuffer dw = Floats.zeros(filters);
    reference.conv().forward(p, rounded(x), rounded(w), null, y);
    reference.conv().backwardData(p, rounded(dy), rounded(w), dx);
    reference.conv().backwardFilter(p, rounded(x), rounded(dy), dw);
    for (RoundedKernels k : rounded) {
      HostBuffer result = Floats.filled(Floats.count(y), 7);
      HostBuffer ofX = Floats.filled(Floats.count(dx), 7);
      HostBuffer ofW = Floats.filled(filters, 7);
      k.conv().forward(p, x, w, null, result);
      k.conv().backwardData(p, dy, w, ofX);
      k.conv().backwardFilter(p, x, dy, ofW);
      near(result, y, p);
      near(ofX, dx, p);
      near(ofW, dw, p);
    }
  }

  @Test
  void convolutions() {
    Random random = new Random(2);
    convolution(ConvProblem.of(2, 9, 8, 33, 20, 3, 1, 1), random);
    convolution(ConvProblem.of(1, 16, 16, 64, 64, 3, 1, 1), random);
    convolution(ConvProblem.of(2, 12, 11, 32, 40, 1, 1, 0), random);
    convolution(ConvProblem.of(1, 12, 11, 16, 8, 1, 2, 0), random);
    convolution(ConvProblem.of(1, 11, 10, 6, 7, 3, 2, 1), random);
  }

  @Test
  void attentionWithItsColumn() {
    Random random = new Random(3);
    AttentionProblem p = AttentionProblem.blhd(2, 3, 37, 21, 40);
    HostBuffer q = Floats.random(random, 2 * 37 * 120);
    HostBuffer k = Floats.random(random, 2 * 21 * 120);
    HostBuffer v = Floats.random(random, 2 * 21 * 120);
    HostBuffer e = Floats.random(random, 2 * 21);
    HostBuffer dOut = Floats.random(random, 2 * 37 * 120);
    HostBuffer dColumn = Floats.random(random, 2 * 37);
    HostBuffer[] expected = null;
    for (int i = -1; i < rounded.length; i++) {
      boolean plain = i < 0;
      var attention = plain ? reference.attention() : rounded[i].attention();
      HostBuffer a = plain ? rounded(q) : q;
      HostBuffer b = plain ? rounded(k) : k;
      HostBuffer c = plain ? rounded(v) : v;
      HostBuffer d = plain ? rounded(dOut) : dOut;
      HostBuffer[] out = {
        Floats.zeros(2 * 37 * 120),
        Floats.zeros(2 * 3 * 37),
        Floats.zeros(2 * 37),
        Floats.zeros(2 * 37 * 120),
        Floats.zeros(2 * 21 * 120),
        Floats.zeros(2 * 21 * 120)
      };
      attention.forward(p, new Inputs(a, b, c, null, e), new Results(out[0], out[1], out[2]));
      attention.backward(
          p,
          new Inputs(a, b, c, null, e),
          new Results(out[0], out[1], null),
          new Gradients(d, dColumn, out[3], out[4], out[5]));
      for (int j = 0; expected != null && j < out.length; j++) {
        near(out[j], expected[j], "attention " + j);
      }
      expected = expected == null ? out : expected;
    }
  }
}
