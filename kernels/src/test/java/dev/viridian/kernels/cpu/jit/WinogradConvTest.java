package dev.viridian.kernels.cpu.jit;

import static org.junit.jupiter.api.Assertions.assertEquals;
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
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Convolutions by minimal filtering against plain loops, and their error beside plain sums'. */
final class WinogradConvTest {
  @BeforeAll
  static void onlyWhereCodeCanBeGenerated() {
    assumeTrue(Kit.best() != null, "no code is generated here");
  }

  private static MemorySegment memory(long floats) {
    return Arena.ofAuto().allocate(4 * floats, 64);
  }

  private static MemorySegment random(Random random, DType type, long count) {
    MemorySegment s = Arena.ofAuto().allocate(count * type.bytes(), 64);
    for (long i = 0; i < count; i++) {
      float value = (float) random.nextGaussian();
      switch (type) {
        case F32 -> Numbers.set(s, i, value);
        case F16 -> s.set(Numbers.SHORT, 2 * i, Float.floatToFloat16(value));
        default -> s.set(Numbers.SHORT, 2 * i, Numbers.floatToBf16(value));
      }
    }
    return s;
  }

  /** y by tiles of a size, by one to three threads, which must agree bit by bit. */
  private static MemorySegment run(
      ConvProblem p, int size, MemorySegment x, MemorySegment weight, MemorySegment bias) {
    MemorySegment first = null;
    for (int threads = 1; threads <= 3; threads++) {
      MemorySegment y = memory((long) p.n() * p.outH() * p.outW() * p.outC());
      y.fill((byte) 0x7f);
      try (Workers workers = new Workers(threads)) {
        RightMatrix filters = new RightMatrix(weight, p.weight(), 0, 9L * p.c(), true);
        new WinogradConv(workers, Kit.best(), p, size, x.address(), filters, y, bias, false).run();
      }
      assertTrue(first == null || first.mismatch(y) == -1, threads + " threads: " + p);
      first = y;
    }
    return first;
  }

  private static MemorySegment plain(
      ConvProblem p, MemorySegment x, MemorySegment weight, MemorySegment bias) {
    MemorySegment y = memory((long) p.n() * p.outH() * p.outW() * p.outC());
    try (Workers workers = new Workers(2)) {
      new ReferenceConv(workers)
          .forward(
              p,
              new HostBuffer(x),
              new HostBuffer(weight),
              new HostBuffer(bias),
              new HostBuffer(y));
    }
    return y;
  }

  /** Root of the mean square of a difference, or of the first alone for null. */
  private static double rms(MemorySegment a, MemorySegment b) {
    double sum = 0;
    long count = a.byteSize() / 4;
    for (long i = 0; i < count; i++) {
      double d = (double) Numbers.get(a, i) - (b == null ? 0 : Numbers.get(b, i));
      sum += d * d;
    }
    return Math.sqrt(sum / count);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 4})
  void awkwardSizes(int size) {
    for (int seed = 0; seed < 40; seed++) {
      Random random = new Random(seed);
      DType[] types = {DType.F32, DType.F16, DType.BF16};
      int[] channels = {16, 32, 48, 80, 320, 656};
      ConvProblem p =
          new ConvProblem(
              1 + random.nextInt(2),
              3 + random.nextInt(12),
              3 + random.nextInt(12),
              channels[random.nextInt(channels.length)],
              channels[random.nextInt(5)],
              3,
              3,
              1,
              1,
              random.nextInt(3),
              random.nextInt(3),
              random.nextInt(3),
              random.nextInt(3),
              1,
              1,
              1,
              types[random.nextInt(3)],
              true,
              DType.F32,
              Activation.values()[random.nextInt(4)]);
      assertTrue(WinogradConv.takes(p));
      MemorySegment x = random(random, DType.F32, (long) p.n() * p.h() * p.w() * p.c());
      MemorySegment weight = random(random, p.weight(), 9L * p.c() * p.outC());
      MemorySegment bias = random(random, DType.F32, p.outC());
      MemorySegment expected = plain(p, x, weight, bias);
      MemorySegment actual = run(p, size, x, weight, bias);
      assertEquals(0, rms(actual, expected) / rms(expected, null), 4e-6, p.toString());
    }
  }

  @Test
  void manyTilesAndFiltersAreCut() {
    Random random = new Random(5);
    ConvProblem p = ConvProblem.of(1, 130, 126, 192, 400, 3, 1, 1);
    MemorySegment x = random(random, DType.F32, 130L * 126 * 192);
    MemorySegment weight = random(random, DType.F32, 9L * 192 * 400);
    MemorySegment bias = random(random, DType.F32, 400);
    MemorySegment two = run(p, 2, x, weight, bias);
    MemorySegment four = run(p, 4, x, weight, bias);
    assertEquals(0, rms(two, four) / rms(two, null), 4e-6);
  }

  @Test
  void blocksOfTilesWhoseFiltersAreTransformedOnTheWay() {
    Random random = new Random(7);
    ConvProblem p = ConvProblem.of(2, 34, 70, 336, 272, 3, 1, 1);
    MemorySegment x = random(random, DType.F32, 2L * 34 * 70 * 336);
    MemorySegment weight = random(random, DType.F32, 9L * 336 * 272);
    MemorySegment bias = random(random, DType.F32, 272);
    MemorySegment two = run(p, 2, x, weight, bias);
    MemorySegment four = run(p, 4, x, weight, bias);
    assertEquals(0, rms(two, four) / rms(two, null), 4e-6);
  }

  @Test
  void theErrorIsNearThatOfPlainSums() {
    Random random = new Random(6);
    ConvProblem p = ConvProblem.of(1, 16, 16, 320, 32, 3, 1, 1);
    MemorySegment x = random(random, DType.F32, 256L * 320);
    MemorySegment weight = random(random, DType.F32, 9L * 320 * 32);
    MemorySegment bias = memory(32);
    MemorySegment expected = plain(p, x, weight, bias);
    double size = rms(expected, null);
    MemorySegment direct = memory(256L * 32);
    for (int y = 0; y < 16; y++) {
      for (int i = 0; i < 16 * 32; i++) {
        float sum = 0;
        for (int k = 0; k < 9 * 320; k++) {
          int sourceY = y + k / 960 - 1;
          int sourceX = i / 32 + k / 320 % 3 - 1;
          if (sourceY >= 0 && sourceY < 16 && sourceX >= 0 && sourceX < 16) {
            float value = Numbers.get(x, ((long) sourceY * 16 + sourceX) * 320 + k % 320);
            sum = Math.fma(value, Numbers.get(weight, i % 32 * 2880L + k), sum);
          }
        }
        direct.setAtIndex(ValueLayout.JAVA_FLOAT, (long) y * 512 + i, sum);
      }
    }
    double plain = rms(direct, expected) / size;
    double two = rms(run(p, 2, x, weight, bias), expected) / size;
    double four = rms(run(p, 4, x, weight, bias), expected) / size;
    assertTrue(two < plain, two + " against " + plain);
    assertTrue(four < 2 * plain, four + " against " + plain);
  }

  @Test
  void largeMapsAreDoneByTilesAndSmallOnesPlainly() {
    assertEquals(4, WinogradConv.choose(ConvProblem.of(1, 64, 64, 320, 320, 3, 1, 1)));
    assertEquals(0, WinogradConv.choose(ConvProblem.of(1, 64, 64, 320, 320, 3, 2, 1)));
    assertEquals(0, WinogradConv.choose(ConvProblem.of(1, 64, 64, 320, 4, 3, 1, 1)));
    assertEquals(0, WinogradConv.choose(ConvProblem.of(1, 8, 8, 64, 64, 3, 1, 1)));
    assertEquals(4, WinogradConv.choose(ConvProblem.of(1, 8, 8, 1280, 1280, 3, 1, 1)));
    assertEquals(0, WinogradConv.choose(ConvProblem.of(1, 2, 2, 1280, 1280, 3, 1, 1)));
    assertEquals(0, WinogradConv.choose(ConvProblem.of(1, 64, 64, 32, 64, 3, 1, 1)));
    assertEquals(0, WinogradConv.choose(ConvProblem.of(1, 64, 64, 320, 320, 1, 1, 0)));
  }
}
