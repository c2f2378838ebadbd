package dev.viridian.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertNull;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.SoftmaxKernels;
import dev.viridian.kernels.cpu.reference.ReferenceSoftmax;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.VectorSoftmax;
import dev.viridian.kernels.memory.HostBuffer;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The vector softmax and its kin against the plain loops, and on several numbers of threads. */
final class VectorSoftmaxTest {
  private static void compare(Function<SoftmaxKernels, List<HostBuffer>> run) {
    Vectors.compare(1e-5, new ReferenceSoftmax(), VectorSoftmax::new, run);
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "7, 2", "5, 33", "300, 77", "20, 4096", "2, 40000", "0, 5"})
  void everything(long rows, int cols) {
    Random random = new Random(1);
    HostBuffer x = Floats.random(random, rows * cols);
    for (long i = 0; i < rows * cols; i++) {
      Floats.set(x, DType.F32, i, 5 * Floats.get(x, i));
    }
    HostBuffer dy = Floats.random(random, rows * cols);
    HostBuffer y = Floats.zeros(rows * cols);
    HostBuffer logs = Floats.zeros(rows * cols);
    new ReferenceSoftmax().softmax(rows, cols, x, y);
    new ReferenceSoftmax().logSoftmax(rows, cols, x, logs);
    compare(
        k -> {
          HostBuffer soft = Floats.copy(x);
          HostBuffer log = Floats.copy(x);
          HostBuffer dSoft = Floats.copy(dy);
          HostBuffer dLog = Floats.filled(rows * cols, 7);
          HostBuffer lse = Floats.filled(rows, 7);
          k.softmax(rows, cols, soft, soft);
          k.logSoftmax(rows, cols, log, log);
          k.softmaxBackward(rows, cols, y, dSoft, dSoft);
          k.logSoftmaxBackward(rows, cols, logs, dy, dLog);
          k.logSumExp(rows, cols, x, lse);
          return List.of(soft, log, dSoft, dLog, lse);
        });
  }

  /** Masked places, a row of nothing but −∞, and one with +∞. */
  @Test
  void infinities() {
    HostBuffer x = Floats.random(new Random(2), 4 * 9);
    for (int i = 0; i < 9; i++) {
      Floats.set(x, DType.F32, 9 + i, Float.NEGATIVE_INFINITY);
      if (i % 2 == 0) {
        Floats.set(x, DType.F32, i, Float.NEGATIVE_INFINITY);
      }
    }
    Floats.set(x, DType.F32, 22, Float.POSITIVE_INFINITY);
    compare(
        k -> {
          HostBuffer soft = Floats.filled(36, 7);
          HostBuffer lse = Floats.filled(4, 7);
          k.softmax(1, 9, x, soft);
          k.logSumExp(4, 9, x, lse);
          return List.of(soft, lse);
        });
  }

  @Test
  void checkItself() {
    try (Workers workers = new Workers(2)) {
      assertNull(VectorSoftmax.fault(new VectorSoftmax(workers), new ReferenceSoftmax()));
    }
  }
}
