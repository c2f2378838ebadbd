package dev.viridian.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.viridian.kernels.HostFloats;
import dev.viridian.kernels.ResampleKernels.Mode;
import dev.viridian.kernels.ResampleKernels.Resize;
import dev.viridian.kernels.cpu.reference.ReferenceResample;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.VectorResample;
import dev.viridian.kernels.memory.HostBuffer;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The fast resizes against the plain ones, forward and backward, at awkward sizes. */
class VectorResampleTest {
  private final Workers workers = new Workers(3);
  private final VectorResample fast = new VectorResample(workers);
  private final ReferenceResample plain = new ReferenceResample(workers);

  @AfterEach
  void close() {
    workers.close();
  }

  @Test
  void resizesLikeThePlainLoops() {
    Random random = new Random(4);
    int[][] sizes = {
      {1, 1, 1, 1, 3, 5},
      {2, 5, 7, 3, 10, 14},
      {1, 9, 11, 17, 4, 23},
      {3, 8, 8, 40, 16, 16},
      {1, 13, 6, 8, 1, 1},
      {0, 4, 4, 2, 8, 8}
    };
    for (int[] s : sizes) {
      for (Mode mode : Mode.values()) {
        boolean smooth = mode == Mode.BILINEAR || mode == Mode.BICUBIC;
        for (int variant = 0; variant < (smooth ? 4 : 1); variant++) {
          Resize p =
              new Resize(
                  s[0],
                  s[1],
                  s[2],
                  s[3],
                  s[4],
                  s[5],
                  mode,
                  (double) s[1] / s[4],
                  (double) s[2] / s[5],
                  variant % 2 == 1,
                  variant / 2 == 1);
          int in = s[0] * s[1] * s[2] * s[3];
          int out = s[0] * s[4] * s[5] * s[3];
          HostBuffer x = HostFloats.normal(random, in);
          HostBuffer dy = HostFloats.normal(random, out);
          HostBuffer y = HostFloats.unwritten(out);
          HostBuffer expected = HostFloats.unwritten(out);
          fast.resize(p, x, y);
          plain.resize(p, x, expected);
          assertArrayEquals(HostFloats.values(expected), HostFloats.values(y), 1e-5f, p.toString());
          HostBuffer dx = HostFloats.unwritten(in);
          HostBuffer expectedDx = HostFloats.unwritten(in);
          fast.resizeBackward(p, dy, dx);
          plain.resizeBackward(p, dy, expectedDx);
          assertArrayEquals(
              HostFloats.values(expectedDx), HostFloats.values(dx), 5e-5f, p.toString());
        }
      }
    }
  }

  @Test
  void passesItsOwnCheck() {
    assertNull(VectorResample.fault(fast, plain));
  }
}
