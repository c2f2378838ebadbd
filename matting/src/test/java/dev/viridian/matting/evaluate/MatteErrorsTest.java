package dev.viridian.matting.evaluate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class MatteErrorsTest {
  private static final int SIDE = 24;

  /** A square of alpha 1 whose left edge is soft over some pixels. */
  private static double[] square(int soft) {
    double[] alpha = new double[SIDE * SIDE];
    for (int y = 8; y < 16; y++) {
      for (int x = 8 - soft; x < 16; x++) {
        alpha[y * SIDE + x] = x < 8 ? (x - 7.0 + soft) / (soft + 1) : 1;
      }
    }
    return alpha;
  }

  @Test
  void nothingIsWrongWithTheTruth() {
    assertEquals(new MatteErrors(0, 0, 0), MatteErrors.of(square(2), square(2), SIDE, SIDE));
  }

  /** Eight rows, each with a pixel of ½ that should be 0. */
  @Test
  void sumsAndMeans() {
    MatteErrors errors = MatteErrors.of(square(1), square(0), SIDE, SIDE);
    assertEquals(8 * 0.5 / 1000, errors.sad(), 1e-12);
    assertEquals(8 * 0.25 / (SIDE * SIDE), errors.mse(), 1e-12);
  }

  @Test
  void softerEdgesAreWorseAndLevelsAreNot() {
    double[] truth = square(0);
    double one = MatteErrors.of(square(1), truth, SIDE, SIDE).grad();
    double three = MatteErrors.of(square(3), truth, SIDE, SIDE).grad();
    assertEquals(true, 0 < one && one < three, one + ", " + three);
    double[] faint = Arrays.stream(truth).map(v -> 0.2 + 0.5 * v).toArray();
    assertEquals(0, MatteErrors.of(faint, truth, SIDE, SIDE).grad(), 1e-12);
  }

  @Test
  void lengthsHaveToFit() {
    double[] alpha = square(0);
    assertThrows(
        IllegalArgumentException.class, () -> MatteErrors.of(alpha, alpha, SIDE, SIDE + 1));
  }
}
