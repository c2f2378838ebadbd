package dev.viridian.engine.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the goldens do not reach: averages in use, and states that do not fit. */
class OptimTest {
  private final Device cpu = Device.cpu();
  private MemoryScope scope;

  @BeforeEach
  void open() {
    scope = MemoryScope.open();
  }

  @AfterEach
  void close() {
    scope.close();
  }

  @Test
  void averagesAreSwappedInAndOut() {
    Tensor w = Tensors.of(cpu, new float[] {1, 2}, 2);
    try (MovingAverage average = new MovingAverage(Map.of("w", w), MovingAverage.Options.DEFAULT)) {
      w.set(3, 4);
      average.swap();
      assertArrayEquals(new float[] {1, 2}, w.toFloats());
      average.swap();
      assertArrayEquals(new float[] {3, 4}, w.toFloats());
      assertArrayEquals(new float[] {1, 2}, average.shadows().get("w").toFloats());
      average.restore(Map.of("w", w), 7);
      assertEquals(7, average.steps());
      assertArrayEquals(new float[] {3, 4}, average.shadows().get("w").toFloats());
    }
  }

  @Test
  void refusesAStateThatDoesNotFit() {
    Tensor w = Tensors.of(cpu, new float[] {1, 2}, 2);
    Tensor other = Tensors.of(cpu, new float[] {1, 2, 3}, 3);
    try (AdamW adam = new AdamW(Map.of("w", w), AdamW.Options.DEFAULT)) {
      refused("u", adam, Map.of(), Map.of("u", 1L));
      refused("w.exp_avg", adam, Map.of(), Map.of("w", 1L));
      refused("w.exp_avg_sq", adam, Map.of("w.exp_avg", w, "w.exp_avg_sq", other), Map.of("w", 1L));
      refused("expected 0", adam, Map.of("w.exp_avg", w), Map.of());
      assertThrows(IllegalArgumentException.class, () -> adam.step(parameter -> other, 1e-3));
    }
    InputException e =
        assertThrows(
            InputException.class, () -> LearningRateSchedule.piecewiseConstant(1, "1:x,2"));
    assertTrue(e.getMessage().contains("1:x,2"), e.getMessage());
  }

  /** A power of two leaves every bit as it is without. */
  @Test
  void scaledGradientsAreClippedLikeOthers() {
    Tensor w = Tensors.of(cpu, new float[] {1, 2, 3}, 3);
    for (double most : new double[] {0, 1e-3, 10}) {
      Tensor plain = Tensors.of(cpu, new float[] {0.1f, -0.3f, 1e-7f}, 3);
      Tensor scaled = Tensors.of(cpu, new float[] {0.1f * 4096, -0.3f * 4096, 1e-7f * 4096}, 3);
      double norm =
          most == 0
              ? GradientClipping.norm(List.of(w), p -> plain)
              : GradientClipping.clip(List.of(w), p -> plain, most);
      assertEquals(norm, GradientClipping.unscale(List.of(w), p -> scaled, 4096, most));
      assertArrayEquals(plain.toFloats(), scaled.toFloats(), most == 1e-3 ? 1e-10f : 0);
    }
    Tensor over = Tensors.of(cpu, new float[] {1, Float.POSITIVE_INFINITY, 2}, 3);
    assertEquals(
        Double.POSITIVE_INFINITY, GradientClipping.unscale(List.of(w), p -> over, 4096, 1));
    assertEquals(2, over.toFloats()[2], "left as they are");
  }

  private static void refused(
      String part, AdamW adam, Map<String, Tensor> state, Map<String, Long> steps) {
    InputException e = assertThrows(InputException.class, () -> adam.restore(state, steps));
    assertTrue(e.getMessage().contains(part), e.getMessage());
  }
}
