package dev.viridian.kernels.cpu.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.viridian.kernels.HostFloats;
import dev.viridian.kernels.ResampleKernels.Mode;
import dev.viridian.kernels.ResampleKernels.Pool;
import dev.viridian.kernels.ResampleKernels.Resize;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Known small answers, and that every gradient is the transposed map. */
class ReferenceResampleTest {
  private final ReferenceResample kernels = new ReferenceResample(new Workers(2));

  @Test
  void findsSourcePixels() {
    HostBuffer x = HostFloats.of(0, 10);
    HostBuffer y = HostFloats.unwritten(4);
    kernels.resize(Resize.toSize(1, 1, 2, 1, 1, 4, Mode.NEAREST), x, y);
    assertArrayEquals(new float[] {0, 0, 10, 10}, HostFloats.values(y));
    kernels.resize(Resize.toSize(1, 1, 2, 1, 1, 4, Mode.BILINEAR), x, y);
    assertArrayEquals(new float[] {0, 2.5f, 7.5f, 10}, HostFloats.values(y));
    kernels.resize(new Resize(1, 1, 2, 1, 1, 4, Mode.BILINEAR, 1, 0.5, true, false), x, y);
    assertArrayEquals(new float[] {0, 10 / 3f, 20 / 3f, 10}, HostFloats.values(y), 1e-6f);
    HostBuffer three = HostFloats.unwritten(2);
    kernels.resize(Resize.toSize(1, 1, 3, 1, 1, 2, Mode.AREA), HostFloats.of(0, 1, 2), three);
    assertArrayEquals(new float[] {0.5f, 1.5f}, HostFloats.values(three));
  }

  @Test
  void weightsSumToOne() {
    float[] ones = new float[5 * 7];
    Arrays.fill(ones, 1);
    for (Mode mode : Mode.values()) {
      for (int size = 1; size < 17; size++) {
        HostBuffer y = HostFloats.unwritten((long) size * (18 - size));
        boolean smooth = mode == Mode.BILINEAR || mode == Mode.BICUBIC;
        kernels.resize(
            new Resize(
                1, 5, 7, 1, size, 18 - size, mode, 5.0 / size, 7.0 / (18 - size), false, smooth),
            HostFloats.of(ones),
            y);
        for (float value : HostFloats.values(y)) {
          assertEquals(1, value, 1e-6, mode + " to " + size);
        }
      }
    }
  }

  @Test
  void resizeBackwardIsTheTransposedMap() {
    Random random = new Random(11);
    for (Mode mode : Mode.values()) {
      for (int variant = 0; variant < 4; variant++) {
        boolean smooth = mode == Mode.BILINEAR || mode == Mode.BICUBIC;
        if (variant > 0 && !smooth) {
          continue;
        }
        Resize p =
            new Resize(
                2, 5, 7, 3, 9, 4, mode, 5 / 9.0, 7 / 4.0, variant % 2 == 1, variant / 2 == 1);
        HostBuffer x = HostFloats.normal(random, 2 * 5 * 7 * 3);
        HostBuffer y = HostFloats.unwritten(2 * 9 * 4 * 3);
        HostBuffer dy = HostFloats.normal(random, 2 * 9 * 4 * 3);
        HostBuffer dx = HostFloats.unwritten(2 * 5 * 7 * 3);
        kernels.resize(p, x, y);
        kernels.resizeBackward(p, dy, dx);
        assertEquals(HostFloats.dot(y, dy), HostFloats.dot(x, dx), 1e-4, p.toString());
      }
    }
  }

  @Test
  void poolsTheFirstLargestAndNeverThePadding() {
    Pool p = new Pool(1, 3, 3, 1, 2, 2, 3, 2, 1);
    HostBuffer x = HostFloats.of(-5, -1, -1, -5, -5, -5, -5, -5, -2);
    HostBuffer y = HostFloats.unwritten(4);
    HostBuffer index = new HostBuffer(Arena.ofAuto().allocate(32, 8));
    kernels.maxPool(p, x, y, index);
    assertArrayEquals(new float[] {-1, -1, -5, -2}, HostFloats.values(y));
    assertArrayEquals(new long[] {1, 1, 3, 8}, index.segment().toArray(ValueLayout.JAVA_LONG));
    HostBuffer dx = HostFloats.unwritten(9);
    kernels.maxPoolBackward(p, index, HostFloats.of(1, 2, 3, 4), dx);
    assertArrayEquals(new float[] {0, 3, 0, 3, 0, 0, 0, 0, 4}, HostFloats.values(dx));
  }

  @Test
  void averagesWithAndWithoutPadding() {
    HostBuffer x = HostFloats.of(1, 2, 3, 4);
    HostBuffer y = HostFloats.unwritten(1);
    Pool p = new Pool(1, 2, 2, 1, 1, 1, 3, 2, 1);
    kernels.averagePool(p, true, x, y);
    assertEquals(10 / 9f, HostFloats.values(y)[0]);
    kernels.averagePool(p, false, x, y);
    assertEquals(2.5f, HostFloats.values(y)[0]);
    Pool cut = new Pool(1, 2, 2, 1, 1, 1, 3, 3, 0);
    kernels.averagePool(cut, true, x, y);
    assertEquals(2.5f, HostFloats.values(y)[0]);

    Random random = new Random(12);
    Pool q = new Pool(2, 7, 6, 3, 4, 3, 3, 2, 1);
    HostBuffer map = HostFloats.normal(random, 2 * 7 * 6 * 3);
    HostBuffer dy = HostFloats.normal(random, 2 * 4 * 3 * 3);
    for (boolean count : new boolean[] {true, false}) {
      HostBuffer out = HostFloats.unwritten(2 * 4 * 3 * 3);
      HostBuffer dx = HostFloats.unwritten(2 * 7 * 6 * 3);
      kernels.averagePool(q, count, map, out);
      kernels.averagePoolBackward(q, count, dy, dx);
      assertEquals(HostFloats.dot(out, dy), HostFloats.dot(map, dx), 1e-4);
    }
  }
}
