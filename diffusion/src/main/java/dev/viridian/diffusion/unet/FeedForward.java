package dev.viridian.diffusion.unet;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.Linear;
import dev.viridian.engine.nn.Module;
import dev.viridian.engine.ops.Geglu;

/** Linear to twice four times the width, value · gelu(gate), linear back. */
final class FeedForward extends Module {
  private final Linear in;
  private final Linear out;

  FeedForward(int channels) {
    in = child("net.0.proj", new Linear(channels, 8 * channels, true));
    out = child("net.2", new Linear(4 * channels, channels, true));
  }

  Tensor forward(Tensor x) {
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor wide = in.forward(x);
      Tensor gated = Geglu.of(wide);
      wide.close();
      return scope.keep(out.forward(gated));
    }
  }
}
