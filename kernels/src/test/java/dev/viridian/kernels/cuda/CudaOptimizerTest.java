package dev.viridian.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.viridian.kernels.OptimizerKernels.AdamW;
import dev.viridian.kernels.OptimizerKernels.Sgd;
import dev.viridian.kernels.cuda.EmulatedDevice.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CudaOptimizerTest extends CudaFamilyTest {
  /** Two units of the last place of the largest. */
  private static final double TOLERANCE = 1.5e-7;

  private static AdamW adamW(double rate, double beta1, double beta2, double decay, int step) {
    return new AdamW(
        rate, beta1, beta2, 1e-8, decay, 1 - Math.pow(beta1, step), 1 - Math.pow(beta2, step));
  }

  @Test
  void adamW() {
    AdamW[] all = {
      adamW(1e-3, 0.9, 0.999, 1e-2, 1),
      adamW(1e-5, 0.9, 0.999, 1e-2, 1000),
      adamW(0.1, 0.5, 0.95, 0.3, 3),
      adamW(1e-2, 0.01, 0.02, 0, 2)
    };
    for (AdamW p : all) {
      for (int n : new int[] {0, 1, 255, 1001}) {
        agree(
            p + " of " + n,
            TOLERANCE,
            (k, b) -> k.optimizer().adamW(p, n, b[0], b[1], b[2], b[3]),
            normal(n),
            normal(n),
            normal(n),
            uniform(n, 0, 2));
      }
    }
  }

  /** A weight of 1 and no gradient: the step is the decay alone, far below a unit of 1 - decay. */
  @Test
  void decaysThatAreSmallBesideOneKeepTheirDigits() {
    AdamW p = adamW(1e-4, 0.9, 0.999, 1e-2, 10);
    agree(
        "many steps",
        1e-6,
        (k, b) -> {
          for (int step = 0; step < 300; step++) {
            k.optimizer().adamW(p, 7, b[0], b[1], b[2], b[3]);
          }
        },
        floats(7, i -> 1 + i),
        floats(7, i -> 0),
        floats(7, i -> 1e-20),
        floats(7, i -> 1 + i));
  }

  /** The second moment's time constant is a thousand steps: a beta in binary32 would miss it. */
  @Test
  void momentsFollowTheirBetas() {
    AdamW p = adamW(1e-4, 0.9, 0.999, 1e-2, 10);
    agree(
        "many steps",
        2e-6,
        (k, b) -> {
          for (int step = 0; step < 2000; step++) {
            k.optimizer().adamW(p, 3, b[0], b[1], b[2], b[3]);
          }
        },
        normal(3),
        floats(3, i -> 1 + i),
        floats(3, i -> 0),
        floats(3, i -> 0));
  }

  @Test
  void sgd() {
    for (Sgd p :
        new Sgd[] {
          new Sgd(0.1, 0, 0, false, true),
          new Sgd(0.1, 0.9, 1e-2, false, true),
          new Sgd(0.1, 0.9, 1e-2, false, false),
          new Sgd(1e-3, 0.99, 0.1, true, false)
        }) {
      for (int n : new int[] {0, 1, 777}) {
        agree(
            p + " of " + n,
            1e-6,
            (k, b) -> k.optimizer().sgd(p, n, b[0], b[1], b[2]),
            normal(n),
            normal(n),
            p.first() ? floats(n, i -> Double.NaN) : normal(n));
      }
    }
  }

  @Test
  void movingAverage() {
    for (double decay : new double[] {0, 0.5, 0.9999}) {
      agree(
          "decay " + decay,
          TOLERANCE,
          (k, b) -> k.optimizer().movingAverage(333, decay, b[0], b[1]),
          normal(333),
          normal(333));
    }
  }

  @ParameterizedTest
  @EnumSource(Order.class)
  void sumOfSquares(Order order) {
    emulated.order(order, 3);
    for (int n : new int[] {0, 1, 31, 257, 1025, 100_003}) {
      double[] sums = new double[2];
      int[] next = {0};
      agree(
          "gradients stay",
          0,
          (k, b) -> sums[next[0]++] = k.optimizer().sumOfSquares(n, b[0]),
          normal(n));
      assertEquals(sums[0], sums[1], 1e-13 * sums[0], "n " + n);
    }
  }
}
