package dev.viridian.diffusion.unet;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.Linear;
import dev.viridian.engine.nn.Module;
import org.jspecify.annotations.Nullable;

/** Linear to twice four times the width, value · gelu(gate), linear back. */
final class FeedForward extends Module {
  private final Linear in;
  private final Linear out;

  FeedForward(int channels) {
    in = child("net.0.proj", new Linear(channels, 8 * channels, true));
    out = child("net.2", new Linear(4 * channels, channels, true));
  }

  /** Whether what is added to the result comes with the product. */
  boolean joinsOnto(Tensor x) {
    return out.joinsOnto(x);
  }

  /** Whether x may come rounded to BF16. */
  boolean takesRounded(Tensor x) {
    return in.takesRounded(x) && in.gates(x, out);
  }

  /** With what is added to the result, if that is not null. */
  Tensor forward(Tensor x, @Nullable Tensor residual) {
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor gated = in.forwardGated(x, out);
      return scope.keep(residual == null ? out.forward(gated) : out.forwardOnto(gated, residual));
    }
  }
}
