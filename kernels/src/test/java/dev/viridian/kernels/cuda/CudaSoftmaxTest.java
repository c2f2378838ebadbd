package dev.viridian.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.viridian.kernels.cuda.EmulatedDevice.Order;
import dev.viridian.kernels.memory.CudaBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CudaSoftmaxTest extends CudaFamilyTest {
  private static final double TOLERANCE = 1e-6;
  private static final int[][] SIZES = {
    {0, 3}, {1, 1}, {9, 2}, {17, 31}, {3, 33}, {8, 77}, {5, 1024}, {3, 1025}, {2, 4999}
  };

  @ParameterizedTest
  @EnumSource(Order.class)
  void sizes(Order order) {
    emulated.order(order, 11);
    for (int[] size : SIZES) {
      int rows = size[0];
      int cols = size[1];
      long n = (long) rows * cols;
      String what = " of " + rows + " by " + cols;
      Numbers x = uniform(n, -20, 20);
      all(what, rows, cols, x);
      Numbers dy = normal(n);
      Numbers p = uniform(n, 0, 2.0 / cols);
      agree(
          "softmaxBackward" + what,
          TOLERANCE,
          (k, b) -> k.softmax().softmaxBackward(rows, cols, b[0], b[1], b[2]),
          p,
          dy,
          unwritten(n));
      agree(
          "softmaxBackward in place" + what,
          TOLERANCE,
          (k, b) -> k.softmax().softmaxBackward(rows, cols, b[0], b[1], b[1]),
          p,
          dy);
      Numbers logs = uniform(n, -9, 0);
      agree(
          "logSoftmaxBackward" + what,
          TOLERANCE,
          (k, b) -> k.softmax().logSoftmaxBackward(rows, cols, b[0], b[1], b[2]),
          logs,
          dy,
          unwritten(n));
      agree(
          "logSoftmaxBackward in place" + what,
          TOLERANCE,
          (k, b) -> k.softmax().logSoftmaxBackward(rows, cols, b[0], b[1], b[1]),
          logs,
          dy);
    }
  }

  private void all(String what, int rows, int cols, Numbers x) {
    long n = (long) rows * cols;
    agree(
        "softmax" + what,
        TOLERANCE,
        (k, b) -> k.softmax().softmax(rows, cols, b[0], b[1]),
        x,
        unwritten(n));
    agree(
        "softmax in place" + what,
        TOLERANCE,
        (k, b) -> k.softmax().softmax(rows, cols, b[0], b[0]),
        x);
    agree(
        "logSoftmax" + what,
        TOLERANCE,
        (k, b) -> k.softmax().logSoftmax(rows, cols, b[0], b[1]),
        x,
        unwritten(n));
    agree(
        "logSumExp" + what,
        TOLERANCE,
        (k, b) -> k.softmax().logSumExp(rows, cols, b[0], b[1]),
        x,
        unwritten(rows));
  }

  @Test
  void largeAndInfiniteValues() {
    float infinite = Float.POSITIVE_INFINITY;
    float[][] rows = {
      {1e30f, 1e30f, -1e30f},
      {-infinite, 0, 1},
      {-infinite, -infinite, -infinite},
      {infinite, 0, 1},
      {Float.NaN, 0, 1},
      {88, 89, 90},
      {-1e-30f, 0, 1e-30f}
    };
    for (int cols : new int[] {3, 1100}) {
      for (float[] row : rows) {
        float rest = row[1];
        all(
            " of " + row[0],
            2,
            cols,
            floats(2L * cols, i -> i % cols < 3 ? row[(int) (i % cols)] : rest));
      }
    }
  }

  @Test
  void refusesEmptyRows() {
    CudaBuffer x = allocator.allocate(16);
    try {
      assertThrows(IllegalArgumentException.class, () -> kernels.softmax().softmax(1, 0, x, x));
      assertThrows(IllegalArgumentException.class, () -> kernels.softmax().softmax(1, 5, x, x));
    } finally {
      allocator.release(x);
    }
  }
}
