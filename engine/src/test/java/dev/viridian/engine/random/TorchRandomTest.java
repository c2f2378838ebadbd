package dev.viridian.engine.random;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.InputException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class TorchRandomTest {
  @Test
  void drawsWhatTorchIsKnownToDraw() {
    float[] five = {1.5410f, -0.2934f, -2.1788f, 0.5684f, -1.0845f};
    assertArrayEquals(five, new TorchRandom(0).randn(5), 5e-5f);
    float[] sixteen = {
      -1.1258f, -1.1524f, -0.2506f, -0.4339f, 0.8487f, 0.6920f, -0.3160f, -2.1152f
    };
    assertArrayEquals(sixteen, Arrays.copyOf(new TorchRandom(0).randn(16), 8), 5e-5f);
  }

  @Test
  void restoredStateContinuesWithTheKeptValue() {
    TorchRandom random = new TorchRandom(42);
    random.randn(5);
    random.rand(700);
    TorchRandom.State state = random.state();
    float[] expected = random.randn(3);
    long[] expectedInts = random.randint(0, 1000, 8);

    assertArrayEquals(expected, new TorchRandom(state).randn(3));
    TorchRandom other = new TorchRandom(7);
    other.restore(TorchRandom.State.of(state.toLongs()));
    assertEquals(state, other.state());
    assertArrayEquals(expected, other.randn(3));
    assertArrayEquals(expectedInts, other.randint(0, 1000, 8));
    assertNotEquals(state, other.state());
  }

  @Test
  void seedingDropsTheKeptValue() {
    TorchRandom random = new TorchRandom(3);
    random.randn(1);
    random.manualSeed(3);
    assertEquals(new TorchRandom(3).state(), random.state());
  }

  @Test
  void stateIsNotReachableThroughItsArray() {
    TorchRandom random = new TorchRandom(1);
    TorchRandom.State state = random.state();
    state.words()[0] = 0;
    assertEquals(random.state(), state);
  }

  @Test
  void damagedStateIsRefused() {
    long[] good = new TorchRandom(1).state().toLongs();
    long[] badIndex = good.clone();
    badIndex[1] = 625;
    assertThrows(InputException.class, () -> TorchRandom.State.of(badIndex));
    assertThrows(InputException.class, () -> TorchRandom.State.of(new long[3]));
  }

  @Test
  void wholeNumbersOfTheWidestRange() {
    long[] drawn = new TorchRandom(1).randint(Long.MIN_VALUE, Long.MAX_VALUE, 100);
    assertTrue(Arrays.stream(drawn).anyMatch(x -> x < 0));
    assertTrue(Arrays.stream(drawn).anyMatch(x -> x > 0));
    assertThrows(IllegalArgumentException.class, () -> new TorchRandom(1).randint(5, 5, 1));
  }

  @Test
  void seedsThatAreNoSeeds() {
    for (String text : new String[] {"", "x", "1.5", "18446744073709551616", "9".repeat(100_000)}) {
      assertThrows(InputException.class, () -> TorchRandom.parseSeed(text), text);
    }
  }
}
