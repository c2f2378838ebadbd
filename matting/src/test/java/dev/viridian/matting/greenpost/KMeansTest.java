package dev.viridian.matting.greenpost;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.viridian.engine.Device;
import dev.viridian.kernels.cpu.CpuOptions;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class KMeansTest {
  @Test
  void findsWellSeparatedClusters() {
    float[] points = new float[2 * 600];
    Random random = new Random(3);
    for (int i = 0; i < 600; i++) {
      int cluster = i % 6 < 3 ? 0 : i % 6 < 5 ? 1 : 2;
      points[2 * i] = 100 * cluster + (float) random.nextGaussian();
      points[2 * i + 1] = -50 * cluster + (float) random.nextGaussian();
    }
    KMeans.Result result = KMeans.of(3).fit(Device.cpu(), points, 2, 7);
    for (int j = 0; j < 3; j++) {
      assertEquals(100 * (3 - j), result.clusters().get(j).count());
      assertArrayEquals(new float[] {100 * j, -50 * j}, result.clusters().get(j).centre(), 0.5f);
    }
  }

  @Test
  void threadsDoNotMatter() {
    float[] points = new float[3 * 20_000];
    Random random = new Random(4);
    for (int i = 0; i < points.length; i++) {
      points[i] = random.nextInt(256);
    }
    KMeans means = new KMeans(5, 2, 10);
    try (Device one = Device.cpu(new CpuOptions(1, Map.of()));
        Device three = Device.cpu(new CpuOptions(3, Map.of()))) {
      KMeans.Result a = means.fit(one, points, 3, 1);
      KMeans.Result b = means.fit(three, points, 3, 1);
      assertEquals(a.inertia(), b.inertia());
      for (int j = 0; j < 5; j++) {
        assertArrayEquals(a.clusters().get(j).centre(), b.clusters().get(j).centre());
      }
    }
  }

  @Test
  void fewerColoursThanClusters() {
    KMeans.Result result = KMeans.of(4).fit(Device.cpu(), new float[] {5, 5, 5, 9}, 1, 0);
    assertEquals(0, result.inertia());
    assertEquals(3, result.clusters().getFirst().count());
    assertEquals(5, result.clusters().getFirst().centre()[0]);
    assertEquals(0, result.clusters().getLast().count());
    assertThrows(
        IllegalArgumentException.class, () -> KMeans.of(2).fit(Device.cpu(), new float[4], 3, 0));
  }
}
