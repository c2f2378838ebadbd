package dev.viridian.engine.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.viridian.engine.Device;
import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.Attention;
import dev.viridian.kernels.cpu.CpuOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** Blocks that are computed again in the backward pass. */
class RecomputeTest {
  private static final long[] SIZES = {2, 100, 80};

  private static Tensor random(Device device, int seed, boolean leaf) {
    Random random = new Random(seed);
    float[] values = new float[2 * 100 * 80];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Tensors.of(device, values, SIZES).requireGradient(leaf);
  }

  /** The result of two attentions, then the gradients of two of their four inputs. */
  @SuppressWarnings("try") // the scope closes what the run makes
  private static List<float[]> run(Device device, boolean again, List<float[]> inner) {
    try (MemoryScope scope = MemoryScope.open();
        Tape tape = Tape.open()) {
      List<Tensor> in = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        in.add(random(device, i, i % 2 > 0));
      }
      // The first has no gradient to give, the second has.
      Function<List<Tensor>, List<Tensor>> block =
          x -> {
            Tensor first = Attention.of(x.get(0), x.get(2), x.get(0), 2);
            Tensor second = Attention.of(first, x.get(1), x.get(3), 2);
            inner.add(first.toFloats());
            inner.add(second.toFloats());
            return List.of(second);
          };
      Tensor out = (again ? Recompute.of(block, in) : block.apply(in)).getFirst();
      List<float[]> results = new ArrayList<>(List.of(out.toFloats()));
      Tensor ones = Tensors.full(device, Shape.of(SIZES), 1);
      try (Gradients g = tape.gradients(List.of(out), List.of(ones))) {
        results.add(g.get(in.get(1)).toFloats());
        results.add(g.get(in.get(3)).toFloats());
      }
      return results;
    }
  }

  /** Attention has a faster way where nothing follows, which gives other last bits. */
  @Test
  void aBlockComputesTheSameTwiceAndAsMuchAsWithoutThat() {
    try (Device device = Device.cpu(CpuOptions.defaults())) {
      long before = device.allocator().usage().used();
      List<float[]> inner = new ArrayList<>();
      List<float[]> plain = run(device, false, new ArrayList<>());
      List<float[]> again = run(device, true, inner);
      for (int i = 0; i < plain.size(); i++) {
        assertArrayEquals(plain.get(i), again.get(i), "result " + i);
      }
      assertEquals(4, inner.size());
      assertArrayEquals(inner.get(0), inner.get(2));
      assertArrayEquals(inner.get(1), inner.get(3));
      assertEquals(before, device.allocator().usage().used());
    }
  }
}
