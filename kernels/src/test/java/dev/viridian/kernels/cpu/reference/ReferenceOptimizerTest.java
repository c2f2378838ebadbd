package dev.viridian.kernels.cpu.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.viridian.kernels.HostFloats;
import dev.viridian.kernels.OptimizerKernels.AdamW;
import dev.viridian.kernels.OptimizerKernels.Sgd;
import dev.viridian.kernels.memory.HostBuffer;
import org.junit.jupiter.api.Test;

class ReferenceOptimizerTest {
  private final ReferenceOptimizer optimizer = new ReferenceOptimizer();

  @Test
  void firstAdamWStepIsTheLearningRate() {
    HostBuffer w = HostFloats.of(1, -2);
    HostBuffer m = HostFloats.of(0, 0);
    HostBuffer v = HostFloats.of(0, 0);
    AdamW p = new AdamW(0.1, 0.9, 0.999, 1e-8, 0.5, 0.1, 0.001);
    optimizer.adamW(p, 2, w, HostFloats.of(3, -4), m, v);
    // decay takes 5 %, then each weight moves by 0.1 against its gradient's sign
    assertArrayEquals(new float[] {0.85f, -1.8f}, HostFloats.values(w), 1e-6f);
    assertArrayEquals(new float[] {0.3f, -0.4f}, HostFloats.values(m), 1e-7f);
    assertArrayEquals(new float[] {0.009f, 0.016f}, HostFloats.values(v), 1e-8f);
  }

  @Test
  void momentumStartsWithTheGradient() {
    HostBuffer w = HostFloats.of(1);
    HostBuffer b = HostFloats.of(99);
    optimizer.sgd(new Sgd(0.5, 0.9, 0.25, false, true), 1, w, HostFloats.of(1.75f), b);
    assertArrayEquals(new float[] {2}, HostFloats.values(b));
    assertArrayEquals(new float[] {0}, HostFloats.values(w));
    optimizer.sgd(new Sgd(0.5, 0.9, 0, true, false), 1, w, HostFloats.of(1), b);
    assertEquals(2.8f, HostFloats.values(b)[0], 1e-6f);
    assertEquals(-0.5f * (1 + 0.9f * 2.8f), HostFloats.values(w)[0], 1e-6f);
  }

  @Test
  void averagesAndNorms() {
    HostBuffer shadow = HostFloats.of(4, 8);
    optimizer.movingAverage(2, 0.75, HostFloats.of(0, 16), shadow);
    assertArrayEquals(new float[] {3, 10}, HostFloats.values(shadow));
    assertEquals(25, optimizer.sumOfSquares(2, HostFloats.of(3, -4)));
    assertEquals(0, optimizer.sumOfSquares(0, HostFloats.of(3, -4)));
  }
}
