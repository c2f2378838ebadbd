package dev.viridian.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.ImageKernels.Border;
import dev.viridian.kernels.ImageKernels.Map;
import dev.viridian.kernels.cuda.EmulatedDevice.Order;
import dev.viridian.kernels.memory.CudaBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CudaImageTest extends CudaFamilyTest {
  private static final double TOLERANCE = 5e-7;

  @ParameterizedTest
  @EnumSource(Border.class)
  void sobel(Border border) {
    for (int[] s :
        new int[][] {
          {0, 3, 3, 1}, {1, 1, 1, 1}, {1, 1, 5, 2}, {2, 2, 2, 3}, {1, 3, 2, 1}, {2, 9, 13, 3}
        }) {
      if (border == Border.REFLECT && (s[1] < 2 || s[2] < 2)) {
        continue;
      }
      Map p = new Map(s[0], s[1], s[2], s[3]);
      long n = (long) s[0] * s[1] * s[2] * s[3];
      agree(
          "sobel " + p,
          TOLERANCE,
          (k, b) -> k.image().sobel(p, border, b[0], b[1], b[2]),
          normal(n),
          unwritten(n),
          unwritten(n));
      agree(
          "sobelBackward " + p,
          TOLERANCE,
          (k, b) -> k.image().sobelBackward(p, border, b[0], b[1], b[2]),
          normal(n),
          normal(n),
          unwritten(n));
    }
  }

  @Test
  void refusesToReflectALine() {
    CudaBuffer x = allocator.allocate(64);
    try {
      Map line = new Map(1, 1, 5, 1);
      assertThrows(
          IllegalArgumentException.class,
          () -> kernels.image().sobel(line, Border.REFLECT, x, x, x));
    } finally {
      allocator.release(x);
    }
  }

  @ParameterizedTest
  @EnumSource(Order.class)
  void kMeans(Order order) {
    emulated.order(order, 4);
    for (int[] s :
        new int[][] {
          {0, 2, 3}, {1, 1, 1}, {5, 3, 7}, {1024, 3, 4}, {1025, 1, 2}, {3000, 3, 5}, {2100, 40, 9}
        }) {
      int n = s[0];
      int dims = s[1];
      int k = s[2];
      step(n, dims, k, normal((long) n * dims), normal((long) k * dims));
      // on a grid, so that many distances are equal
      step(
          n,
          dims,
          k,
          floats((long) n * dims, i -> random.nextInt(5) * 0.1),
          floats((long) k * dims, i -> random.nextInt(3) * 0.2));
    }
  }

  private void step(int n, int dims, int k, Numbers points, Numbers centres) {
    double[] inertia = new double[2];
    int[] next = {0};
    agree(
        "kMeansStep " + n + " by " + dims + " to " + k,
        TOLERANCE,
        (kernels, b) ->
            inertia[next[0]++] = kernels.image().kMeansStep(n, dims, k, b[0], b[1], b[2], b[3]),
        points,
        centres,
        empty(DType.I32, n),
        empty(DType.I64, k));
    assertEquals(inertia[0], inertia[1], 1e-12 * inertia[0]);
  }
}
