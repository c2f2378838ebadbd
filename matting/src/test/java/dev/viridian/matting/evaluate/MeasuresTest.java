package dev.viridian.matting.evaluate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.viridian.engine.Device;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class MeasuresTest {
  @Test
  void differences() {
    float[] a = {0, 0.5f, 1, 0.25f};
    float[] b = {0.1f, 0.5f, 0.9f, 0.25f};
    assertEquals(0.005, Measures.squaredError(a, b), 1e-8);
    assertEquals(23.0103, Measures.psnr(0.005), 1e-4);
    assertEquals(0.05, Measures.absoluteError(a, b), 1e-8);
  }

  @Test
  void theKeyIsNothingOnTheCanvasAndAllOnWhatIsNotGreen() {
    float[] rgb = {0, 1, 0, 1, 0, 0, 0.5f, 0.5f, 0, 0.2f, 0.6f, 0.1f};
    assertArrayEquals(new float[] {0, 1, 1, 0.6f}, Measures.colourKey(rgb), 1e-6f);
  }

  /** Most of the picture is 30 off in red and 40 in green; the rest is another colour. */
  @Test
  void theLargestClusterCounts() {
    float[] rgb = new float[100 * 3];
    for (int i = 0; i < 100; i++) {
      boolean object = i % 5 == 0;
      rgb[3 * i] = object ? 1 : 30 / 255f;
      rgb[3 * i + 1] = object ? i / 100f : 215 / 255f;
      rgb[3 * i + 2] = object ? 0.5f : 0;
    }
    assertEquals(50, Measures.green(Device.cpu(), rgb), 1e-3);
  }

  @Test
  void smallerByAreas() {
    float[] rgb = new float[4 * 4 * 3];
    Arrays.fill(rgb, 0, 3, 1f); // one pixel of the upper left four
    float[] small = Measures.shrunk(rgb, 4, 2);
    float[] expected = new float[12];
    Arrays.fill(expected, 0, 3, 0.25f);
    assertArrayEquals(expected, small, 1e-6f);
  }
}
