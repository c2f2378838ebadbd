package dev.viridian.matting.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** When the scale of the loss changes. */
class LossScalerTest {
  private static void steps(LossScaler scaler, int good) {
    for (int i = 0; i < good; i++) {
      assertTrue(scaler.update(true));
    }
  }

  @Test
  void halvesAtAnOverflowAndDoublesAfterGoodSteps() {
    LossScaler scaler = new LossScaler(1024, 3);
    steps(scaler, 2);
    assertEquals(new LossScaler.State(1024, 2, 0), scaler.state());
    assertTrue(scaler.update(false));
    assertEquals(new LossScaler.State(512, 0, 1), scaler.state());
    steps(scaler, 2);
    assertEquals(512, scaler.scale());
    steps(scaler, 1);
    assertEquals(new LossScaler.State(1024, 0, 1), scaler.state());
    assertTrue(scaler.update(false));
    assertTrue(scaler.update(false));
    assertEquals(new LossScaler.State(256, 0, 3), scaler.state());
  }

  @Test
  void goesOnFromItsState() {
    LossScaler scaler = new LossScaler(LossScaler.INITIAL);
    steps(scaler, 1999);
    scaler.update(false);
    steps(scaler, 1500);
    LossScaler resumed = new LossScaler(1);
    resumed.restore(scaler.state());
    steps(scaler, 500);
    steps(resumed, 500);
    assertEquals(scaler.state(), resumed.state());
    assertEquals(new LossScaler.State(LossScaler.INITIAL, 0, 1), resumed.state());
  }

  @Test
  void staysWithinItsBounds() {
    LossScaler large = new LossScaler(LossScaler.MOST, 1);
    steps(large, 2);
    assertEquals(LossScaler.MOST, large.scale());
    LossScaler small = new LossScaler(2 * LossScaler.LEAST);
    assertTrue(small.update(false));
    assertFalse(small.update(false), "as small as can be");
    assertEquals(new LossScaler.State(LossScaler.LEAST, 0, 2), small.state());
  }

  @Test
  void isAPowerOfTwo() {
    for (double scale : new double[] {1, 65536, LossScaler.LEAST, LossScaler.MOST}) {
      assertTrue(LossScaler.isScale(scale), "" + scale);
    }
    for (double other : new double[] {0, -2, 3, 65535, 1e-9, 0x1p25, Double.NaN, 1 / 0.0}) {
      assertFalse(LossScaler.isScale(other), "" + other);
    }
    assertThrows(IllegalArgumentException.class, () -> new LossScaler(3));
  }
}
