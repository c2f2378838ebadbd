package dev.viridian.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.NormKernels.Backward;
import dev.viridian.kernels.NormKernels.BatchNorm;
import dev.viridian.kernels.NormKernels.Forward;
import dev.viridian.kernels.NormKernels.GroupNorm;
import dev.viridian.kernels.NormKernels.LayerNorm;
import dev.viridian.kernels.NormKernels.Running;
import dev.viridian.kernels.cpu.reference.ReferenceNorm;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.VectorNorm;
import dev.viridian.kernels.memory.HostBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The vector norms against the plain loops, and on several numbers of threads. */
final class VectorNormTest {
  private static final double TOLERANCE = 2e-5;

  /** Large, so that few values of about the same size do not make errors larger. */
  private static final float EPS = 1e-2f;

  private static void compare(Function<NormKernels, List<HostBuffer>> run) {
    Vectors.compare(TOLERANCE, new ReferenceNorm(), VectorNorm::new, run);
  }

  /** Numbers around an offset of many times their spread. */
  private static HostBuffer offset(Random random, long count, float offset) {
    HostBuffer x = Floats.random(random, count);
    for (long i = 0; i < count; i++) {
      Floats.set(x, DType.F32, i, Floats.get(x, i) + offset);
    }
    return x;
  }

  @ParameterizedTest
  @CsvSource({
    // n, spatial, channels, groups, offset, parameters, activation
    "1, 1, 1, 1, 0, F32, NONE",
    "2, 7, 5, 5, 0, F32, SILU",
    "3, 50, 20, 4, 16, F16, NONE",
    "2, 33, 36, 3, 0, BF16, SILU",
    "1, 1000, 64, 32, 16, F32, SILU",
    "2, 300, 320, 32, 0, F32, SILU",
    "1, 40, 1280, 32, 1, F32, NONE",
    "1, 3, 20000, 2, 0, F32, NONE",
    "1, 70000, 1, 1, 30, F32, NONE",
    "0, 4, 8, 2, 0, F32, NONE",
  })
  void groupNorm(
      int n, int spatial, int channels, int groups, float at, DType type, Activation activation) {
    GroupNorm p = new GroupNorm(n, spatial, channels, groups, EPS, type, activation);
    Random random = new Random(1);
    long size = (long) n * spatial * channels;
    HostBuffer x = offset(random, size, at);
    HostBuffer dy = Floats.random(random, size);
    HostBuffer gamma = Floats.random(random, type, channels);
    HostBuffer beta = Floats.random(random, type, channels);
    compare(
        k -> {
          HostBuffer mean = Floats.filled((long) n * groups, 7);
          HostBuffer rstd = Floats.filled((long) n * groups, 7);
          HostBuffer inPlace = Floats.copy(x);
          k.groupNorm(p, new Forward(inPlace, gamma, beta, inPlace, mean, rstd));
          HostBuffer bare = Floats.filled(size, 7);
          k.groupNorm(p, new Forward(x, null, null, bare));
          return List.of(inPlace, mean, rstd, bare);
        });
    HostBuffer mean = Floats.zeros((long) n * groups);
    HostBuffer rstd = Floats.zeros((long) n * groups);
    new ReferenceNorm().groupNorm(p, new Forward(x, gamma, beta, Floats.zeros(size), mean, rstd));
    compare(
        k -> {
          HostBuffer dx = Floats.filled(size, 7);
          HostBuffer dGamma = Floats.filled(channels, 7);
          HostBuffer dBeta = Floats.filled(channels, 7);
          k.groupNormBackward(p, new Backward(x, gamma, beta, mean, rstd, dy, dx, dGamma, dBeta));
          HostBuffer only = Floats.filled(size, 7);
          k.groupNormBackward(p, new Backward(x, null, null, mean, rstd, dy, only, null, null));
          return List.of(dx, dGamma, dBeta, only);
        });
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 0, F32",
    "5, 2, 0, F32",
    "70, 33, 16, F16",
    "300, 320, 0, BF16",
    "9, 768, 16, F32",
    "2, 9001, 4, F32",
    "0, 5, 0, F32",
  })
  void layerNorm(long rows, int cols, float at, DType type) {
    LayerNorm p = new LayerNorm(rows, cols, EPS, type);
    Random random = new Random(2);
    HostBuffer x = offset(random, rows * cols, at);
    HostBuffer dy = Floats.random(random, rows * cols);
    HostBuffer gamma = Floats.random(random, type, cols);
    HostBuffer beta = Floats.random(random, type, cols);
    compare(
        k -> {
          HostBuffer mean = Floats.filled(rows, 7);
          HostBuffer rstd = Floats.filled(rows, 7);
          HostBuffer inPlace = Floats.copy(x);
          k.layerNorm(p, new Forward(inPlace, gamma, beta, inPlace, mean, rstd));
          HostBuffer bare = Floats.filled(rows * cols, 7);
          k.layerNorm(p, new Forward(x, null, null, bare));
          return List.of(inPlace, mean, rstd, bare);
        });
    HostBuffer mean = Floats.zeros(rows);
    HostBuffer rstd = Floats.zeros(rows);
    new ReferenceNorm()
        .layerNorm(p, new Forward(x, gamma, beta, Floats.zeros(rows * cols), mean, rstd));
    compare(
        k -> {
          HostBuffer dx = Floats.filled(rows * cols, 7);
          HostBuffer dGamma = Floats.filled(cols, 7);
          HostBuffer dBeta = Floats.filled(cols, 7);
          k.layerNormBackward(p, new Backward(x, gamma, null, mean, rstd, dy, dx, dGamma, dBeta));
          return List.of(dx, dGamma, dBeta);
        });
  }

  @ParameterizedTest
  @CsvSource({"2, 1, 0", "9, 7, 16", "500, 33, 0", "3000, 64, 4"})
  void batchNorm(long rows, int channels, float at) {
    BatchNorm p = new BatchNorm(rows, channels, EPS, 0.1f);
    Random random = new Random(3);
    HostBuffer x = offset(random, rows * channels, at);
    HostBuffer dy = Floats.random(random, rows * channels);
    HostBuffer gamma = Floats.random(random, channels);
    HostBuffer beta = Floats.random(random, channels);
    compare(
        k -> {
          List<HostBuffer> results = new ArrayList<>();
          HostBuffer runningMean = Floats.filled(channels, 0.5f);
          HostBuffer runningVariance = Floats.filled(channels, 2);
          HostBuffer y = Floats.filled(rows * channels, 7);
          HostBuffer mean = Floats.filled(channels, 7);
          HostBuffer rstd = Floats.filled(channels, 7);
          k.batchNormTraining(
              p,
              new Forward(x, gamma, beta, y, mean, rstd),
              new Running(runningMean, runningVariance));
          results.addAll(List.of(runningMean, runningVariance, y, mean, rstd));
          HostBuffer stored = Floats.filled(rows * channels, 7);
          k.batchNormInference(
              p, new Forward(x, gamma, beta, stored), new Running(runningMean, runningVariance));
          results.add(stored);
          return results;
        });
    HostBuffer mean = Floats.filled(channels, at);
    HostBuffer rstd = Floats.filled(channels, 0.9f);
    for (boolean training : new boolean[] {true, false}) {
      compare(
          k -> {
            HostBuffer dx = Floats.filled(rows * channels, 7);
            HostBuffer dGamma = Floats.filled(channels, 7);
            HostBuffer dBeta = Floats.filled(channels, 7);
            k.batchNormBackward(
                p, training, new Backward(x, gamma, null, mean, rstd, dy, dx, dGamma, dBeta));
            return List.of(dx, dGamma, dBeta);
          });
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Activation.class,
      names = {"NONE", "SILU"})
  void aMapOfThousandsOfPieces(Activation activation) {
    GroupNorm p = new GroupNorm(1, 128 * 128, 128, 32, EPS, DType.F32, activation);
    Random random = new Random(4);
    HostBuffer x = offset(random, 128L * 128 * 128, 16);
    compare(
        k -> {
          HostBuffer y = Floats.filled(128L * 128 * 128, 7);
          k.groupNorm(p, new Forward(x, null, null, y));
          return List.of(y);
        });
  }

  @Test
  void oneStatisticAloneIsRefused() {
    HostBuffer x = Floats.zeros(4);
    assertEquals(
        "Norm: only one of mean and rstd is given, not both",
        assertThrows(IllegalArgumentException.class, () -> new Forward(x, null, null, x, x, null))
            .getMessage());
  }

  @Test
  void checkItself() {
    try (Workers workers = new Workers(2)) {
      assertNull(VectorNorm.fault(new VectorNorm(workers), new ReferenceNorm()));
    }
  }
}
