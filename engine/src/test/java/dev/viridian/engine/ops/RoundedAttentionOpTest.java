package dev.viridian.engine.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.kernels.cpu.CpuOptions;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Attention that may be rounded: plain loops do it on every machine. */
class RoundedAttentionOpTest {
  private static Tensor random(Device device, int seed, int tokens) {
    Random random = new Random(seed);
    float[] values = new float[2 * tokens * 20];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Tensors.of(device, values, 2, tokens, 20);
  }

  @Test
  @SuppressWarnings("try") // the scope closes what is made
  void isRoundedWhereNoGradientIsWanted() {
    try (Device device = Device.cpu(CpuOptions.reference(2));
        MemoryScope scope = MemoryScope.open()) {
      Tensor q = random(device, 1, 5);
      Tensor k = random(device, 2, 9);
      Tensor v = random(device, 3, 9);
      float[] plain = Attention.of(q, k, v, 4).toFloats();
      float[] rounded = Attention.rounded(q, k, v, 4).toFloats();
      assertFalse(Arrays.equals(plain, rounded));
      assertArrayEquals(plain, rounded, 0.03f);
      try (Tape tape = Tape.open()) {
        Tensor wanted = random(device, 1, 5).requireGradient(true);
        assertArrayEquals(
            Attention.of(wanted, k, v, 4).toFloats(),
            Attention.rounded(wanted, k, v, 4).toFloats());
      }
    }
  }
}
