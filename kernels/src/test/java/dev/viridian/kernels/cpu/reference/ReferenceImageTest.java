package dev.viridian.kernels.cpu.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.viridian.kernels.HostFloats;
import dev.viridian.kernels.ImageKernels.Border;
import dev.viridian.kernels.ImageKernels.Map;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ReferenceImageTest {
  private final ReferenceImage image = new ReferenceImage(new Workers(2));

  @Test
  void respondsToAStepWithoutFlippingTheKernel() {
    HostBuffer x = HostFloats.of(0, 0, 1, 0, 0, 1, 0, 0, 1);
    HostBuffer sx = HostFloats.unwritten(9);
    HostBuffer sy = HostFloats.unwritten(9);
    Map p = new Map(1, 3, 3, 1);
    image.sobel(p, Border.REPLICATE, x, sx, sy);
    assertArrayEquals(new float[] {0, 4, 4, 0, 4, 4, 0, 4, 4}, HostFloats.values(sx));
    assertArrayEquals(new float[9], HostFloats.values(sy));
    image.sobel(p, Border.ZERO, x, sx, sy);
    assertArrayEquals(new float[] {0, 3, 0, 0, 4, 0, 0, 3, 0}, HostFloats.values(sx));
    assertArrayEquals(new float[] {0, 1, 2, 0, 0, 0, 0, -1, -2}, HostFloats.values(sy));
    image.sobel(p, Border.REFLECT, x, sx, sy);
    assertArrayEquals(new float[] {0, 4, 0, 0, 4, 0, 0, 4, 0}, HostFloats.values(sx));
    assertThrows(
        IllegalArgumentException.class,
        () -> image.sobel(new Map(1, 1, 9, 1), Border.REFLECT, x, sx, sy));
  }

  @Test
  void backwardIsTheTransposedMap() {
    Random random = new Random(5);
    Map p = new Map(2, 4, 5, 3);
    for (Border border : Border.values()) {
      HostBuffer x = HostFloats.normal(random, 120);
      HostBuffer dsx = HostFloats.normal(random, 120);
      HostBuffer dsy = HostFloats.normal(random, 120);
      HostBuffer sx = HostFloats.unwritten(120);
      HostBuffer sy = HostFloats.unwritten(120);
      HostBuffer dx = HostFloats.unwritten(120);
      image.sobel(p, border, x, sx, sy);
      image.sobelBackward(p, border, dsx, dsy, dx);
      assertEquals(HostFloats.dot(sx, dsx) + HostFloats.dot(sy, dsy), HostFloats.dot(x, dx), 1e-3);
    }
  }

  @Test
  void movesCentresToTheirMeans() {
    HostBuffer points = HostFloats.of(0, 0, 0, 2, 10, 10, 12, 10, 5, 6);
    HostBuffer centres = HostFloats.of(0, 1, 11, 10, -100, 0);
    HostBuffer assignment = new HostBuffer(Arena.ofAuto().allocate(20, 4));
    HostBuffer counts = new HostBuffer(Arena.ofAuto().allocate(24, 8));
    double inertia = image.kMeansStep(5, 2, 3, points, centres, assignment, counts);
    assertEquals(1 + 1 + 1 + 1 + 50, inertia);
    assertArrayEquals(
        new int[] {0, 0, 1, 1, 0}, assignment.segment().toArray(ValueLayout.JAVA_INT));
    assertArrayEquals(new long[] {3, 2, 0}, counts.segment().toArray(ValueLayout.JAVA_LONG));
    assertArrayEquals(new float[] {5 / 3f, 8 / 3f, 11, 10, -100, 0}, HostFloats.values(centres));
  }

  @Test
  void equalDistancesGoToTheFirstCentre() {
    HostBuffer assignment = new HostBuffer(Arena.ofAuto().allocate(4, 4));
    HostBuffer counts = new HostBuffer(Arena.ofAuto().allocate(16, 8));
    image.kMeansStep(1, 1, 2, HostFloats.of(1), HostFloats.of(2, 0), assignment, counts);
    assertEquals(0, assignment.segment().get(ValueLayout.JAVA_INT, 0));
  }
}
