package dev.viridian.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.ReduceKernels.Problem;
import dev.viridian.kernels.cpu.reference.ReferenceReduce;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.VectorReduce;
import dev.viridian.kernels.memory.HostBuffer;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The vector sums against the plain loops, and on several numbers of threads. */
final class VectorReduceTest {
  @ParameterizedTest
  @CsvSource({
    // outer, size, inner
    "1, 1, 1",
    "1, 100000, 1",
    "5, 7, 1",
    "3000, 33, 1",
    "3, 50000, 1",
    "1, 4096, 320",
    "2, 777, 33",
    "900, 3, 5",
    "1, 20000, 3",
    "1, 3, 50000",
    "2, 600, 20000",
    "4, 0, 6",
    "0, 5, 6",
    "5, 6, 0",
  })
  void sums(long outer, int size, long inner) {
    Problem p = new Problem(outer, size, inner);
    HostBuffer x = Floats.random(new Random(1), outer * size * inner);
    for (long i = 0; i < Floats.count(x); i++) {
      Floats.set(x, DType.F32, i, Floats.get(x, i) + 3); // so that the sums grow
    }
    Vectors.compare(
        1e-6,
        new ReferenceReduce(),
        VectorReduce::new,
        k -> {
          HostBuffer y = Floats.filled(outer * inner, 7);
          k.sum(p, 0.5f, x, y);
          return List.of(y);
        });
  }

  @Test
  void takesNothingButSums() {
    try (Workers workers = new Workers(1)) {
      VectorReduce kernels = new VectorReduce(workers);
      Problem p = new Problem(1, 2, 3);
      assertTrue(kernels.accepts("sum", p));
      assertFalse(kernels.accepts("max", p));
      assertNull(VectorReduce.fault(kernels, new ReferenceReduce()));
    }
  }
}
