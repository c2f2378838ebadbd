package dev.viridian.kernels.cpu.jit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.NormKernels.Forward;
import dev.viridian.kernels.NormKernels.GroupNorm;
import dev.viridian.kernels.NormKernels.LayerNorm;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.reference.ReferenceNorm;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.VectorNorm;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Normalisations whose results are rounded to bfloat16, beside plain loops. */
final class RoundedNormTest {
  private final Random random = new Random(5);

  private HostBuffer numbers(long count) {
    HostBuffer buffer = new HostBuffer(Arena.ofAuto().allocate(4 * count, 64));
    for (long i = 0; i < count; i++) {
      Numbers.set(buffer.segment(), i, (float) random.nextGaussian() + 1);
    }
    return buffer;
  }

  /** At most one apart in the last place, since what is rounded differs a little itself. */
  private static void near(HostBuffer expected, HostBuffer actual, long count) {
    for (long i = 0; i < count; i++) {
      double e = Numbers.get(expected.segment(), DType.BF16, i);
      double a = Numbers.get(actual.segment(), DType.BF16, i);
      assertEquals(e, a, Math.abs(e) / 128 + 1e-6, "value " + i);
    }
  }

  private static HostBuffer words(long count) {
    MemorySegment memory = Arena.ofAuto().allocate(2 * count, 64);
    return new HostBuffer(memory.fill((byte) 77));
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 32, 2, NONE",
    "2, 7, 64, 4, SILU",
    "1, 300, 320, 32, SILU",
    "1, 5, 20480, 32, NONE"
  })
  void groupNorm(int n, int spatial, int channels, int groups, Activation activation) {
    try (Workers workers = new Workers(3)) {
      GroupNorm p =
          new GroupNorm(n, spatial, channels, groups, 1e-5f, DType.F32, activation, DType.BF16);
      JitNorm norm = new JitNorm(workers);
      assumeTrue(norm.accepts("groupNorm", p), "no vectors of bfloat16");
      long count = (long) n * spatial * channels;
      HostBuffer x = numbers(count);
      HostBuffer gamma = numbers(channels);
      HostBuffer beta = numbers(channels);
      HostBuffer expected = words(count);
      HostBuffer actual = words(count);
      new ReferenceNorm().groupNorm(p, new Forward(x, gamma, beta, expected));
      norm.groupNorm(p, new Forward(x, gamma, beta, actual));
      near(expected, actual, count);
      assertFalse(new VectorNorm(workers).accepts("groupNorm", p));
      HostBuffer small = words(count - 1);
      assertThrows(
          IndexOutOfBoundsException.class,
          () -> norm.groupNorm(p, new Forward(x, gamma, beta, small)));
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 16", "7, 48", "300, 320", "3, 20480"})
  void layerNorm(int rows, int columns) {
    try (Workers workers = new Workers(3)) {
      LayerNorm p = new LayerNorm(rows, columns, 1e-5f, DType.F32, DType.BF16);
      JitNorm norm = new JitNorm(workers);
      assumeTrue(norm.accepts("layerNorm", p), "no vectors of bfloat16");
      long count = (long) rows * columns;
      HostBuffer x = numbers(count);
      HostBuffer gamma = numbers(columns);
      HostBuffer beta = numbers(columns);
      HostBuffer expected = words(count);
      HostBuffer actual = words(count);
      new ReferenceNorm().layerNorm(p, new Forward(x, gamma, beta, expected));
      norm.layerNorm(p, new Forward(x, gamma, beta, actual));
      near(expected, actual, count);
    }
  }

  @Test
  void whatIsNotTaken() {
    try (Workers workers = new Workers(1)) {
      JitNorm norm = new JitNorm(workers);
      assertFalse(norm.rounds(20), "less than a vector");
      assertFalse(norm.accepts("layerNorm", new LayerNorm(1, 8, 1, DType.F32, DType.BF16)));
      assertThrows(
          IllegalArgumentException.class, () -> new LayerNorm(1, 8, 1, DType.F32, DType.F16));
      assertFalse(new ReferenceNorm().rounds(320), "not in good time");
    }
  }
}
