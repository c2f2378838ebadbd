package dev.viridian.kernels.cpu.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.kernels.HostFloats;
import dev.viridian.kernels.memory.HostBuffer;
import org.junit.jupiter.api.Test;

class ReferenceRandomTest {
  private final ReferenceRandom random = new ReferenceRandom();

  @Test
  void drawsFromThePublishedWords() {
    HostBuffer x = HostFloats.unwritten(4);
    random.uniform(0, 0, 4, x);
    assertEquals((0x6627e8) * 0x1p-24f, HostFloats.values(x)[0]);
    assertEquals((0x9b00db) * 0x1p-24f, HostFloats.values(x)[3]);
    random.normal(0, 0, 1, x);
    double u = (0x6627e8d5L + 1) * 0x1p-32;
    double v = 0xe169c58dL * 0x1p-32;
    assertEquals(
        Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v), HostFloats.values(x)[0], 1e-6);
  }

  @Test
  void aValueDependsOnItsPlaceAlone() {
    HostBuffer whole = HostFloats.unwritten(23);
    HostBuffer part = HostFloats.unwritten(9);
    for (int offset = 0; offset < 14; offset++) {
      random.uniform(-3, 5, 23, whole);
      random.uniform(-3, 5 + offset, 9, part);
      for (int i = 0; i < 9; i++) {
        assertEquals(HostFloats.values(whole)[offset + i], HostFloats.values(part)[i]);
      }
      random.normal(-3, 5, 23, whole);
      random.normal(-3, 5 + offset, 9, part);
      for (int i = 0; i < 9; i++) {
        assertEquals(HostFloats.values(whole)[offset + i], HostFloats.values(part)[i]);
      }
    }
  }

  @Test
  void hasTheMomentsOfItsDistribution() {
    int n = 200_000;
    HostBuffer x = HostFloats.unwritten(n);
    random.uniform(42, 1L << 40, n, x);
    double mean = 0;
    for (float value : HostFloats.values(x)) {
      assertTrue(value >= 0 && value < 1);
      mean += value / n;
    }
    assertEquals(0.5, mean, 4 * Math.sqrt(1 / 12.0 / n));
    random.normal(42, 1L << 40, n, x);
    double[] moments = new double[5];
    for (float value : HostFloats.values(x)) {
      for (int k = 1; k < 5; k++) {
        moments[k] += Math.pow(value, k) / n;
      }
    }
    assertEquals(0, moments[1], 4 / Math.sqrt(n));
    assertEquals(1, moments[2], 4 * Math.sqrt(2.0 / n));
    assertEquals(0, moments[3], 4 * Math.sqrt(15.0 / n));
    assertEquals(3, moments[4], 4 * Math.sqrt(96.0 / n));
  }
}
