package dev.viridian.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.viridian.kernels.HostFloats;
import dev.viridian.kernels.OptimizerKernels;
import dev.viridian.kernels.OptimizerKernels.AdamW;
import dev.viridian.kernels.OptimizerKernels.Sgd;
import dev.viridian.kernels.cpu.reference.ReferenceOptimizer;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.VectorOptimizer;
import dev.viridian.kernels.memory.HostBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The fast steps against the plain ones, at sizes that do not fit vectors or pieces. */
class VectorOptimizerTest {
  private static final int[] SIZES = {0, 1, 7, 8, 33, 1000, 32_768, 32_769, 100_003};

  private final Workers workers = new Workers(3);
  private final VectorOptimizer fast = new VectorOptimizer(workers);
  private final ReferenceOptimizer plain = new ReferenceOptimizer();

  @AfterEach
  void close() {
    workers.close();
  }

  /** Ten steps; what they leave behind. */
  private static List<float[]> steps(OptimizerKernels kernels, int n, int kind) {
    Random random = new Random(n);
    HostBuffer w = HostFloats.normal(random, n);
    HostBuffer m = HostFloats.of(new float[n]);
    HostBuffer v = HostFloats.of(new float[n]);
    for (int t = 1; t <= 10; t++) {
      HostBuffer g = HostFloats.normal(random, n);
      switch (kind) {
        case 0 ->
            kernels.adamW(
                new AdamW(1e-3, 0.9, 0.99, 1e-8, 0.1, 1 - Math.pow(0.9, t), 1 - Math.pow(0.99, t)),
                n,
                w,
                g,
                m,
                v);
        case 1 -> kernels.sgd(new Sgd(1e-2, 0.9, 0.01, false, t == 1), n, w, g, m);
        case 2 -> kernels.sgd(new Sgd(1e-2, 0.9, 0.01, true, t == 1), n, w, g, m);
        default -> kernels.movingAverage(n, 0.9, g, w);
      }
    }
    List<float[]> left = new ArrayList<>();
    left.add(HostFloats.values(w));
    left.add(HostFloats.values(m));
    left.add(HostFloats.values(v));
    return left;
  }

  @Test
  void stepsLikeThePlainLoops() {
    for (int kind = 0; kind < 4; kind++) {
      for (int n : SIZES) {
        List<float[]> expected = steps(plain, n, kind);
        List<float[]> actual = steps(fast, n, kind);
        for (int i = 0; i < expected.size(); i++) {
          assertArrayEquals(expected.get(i), actual.get(i), 5e-6f, kind + " of " + n + ": " + i);
        }
      }
    }
  }

  @Test
  void sumsAlikeOnAnyNumberOfThreads() {
    try (Workers one = new Workers(1)) {
      VectorOptimizer alone = new VectorOptimizer(one);
      for (int n : SIZES) {
        HostBuffer g = HostFloats.normal(new Random(n), n);
        double expected = plain.sumOfSquares(n, g);
        assertEquals(expected, fast.sumOfSquares(n, g), 1e-12 * expected);
        assertEquals(alone.sumOfSquares(n, g), fast.sumOfSquares(n, g));
      }
    }
  }

  @Test
  void passesItsOwnCheck() {
    assertNull(VectorOptimizer.fault(fast, plain));
  }
}
