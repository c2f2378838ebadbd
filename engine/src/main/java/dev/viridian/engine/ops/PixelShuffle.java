package dev.viridian.engine.ops;

import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;

/**
 * Channels spread over blocks of pixels: x [n, h, w, c·f·f], y [n, h·f, w·f, c] with {@code y[n,
 * i·f + a, j·f + b, k] = x[n, i, j, (k·f + a)·f + b]}: PyTorch's order of channels.
 */
public final class PixelShuffle {
  private PixelShuffle() {}

  /** Spreads. */
  public static Tensor of(Tensor x, int factor) {
    if (x.shape().rank() != 4 || factor < 1 || x.shape().dim(3) % (factor * factor) != 0) {
      throw new ShapeException(
          "PixelShuffle: x: expected [n, h, w, c·" + factor + "·" + factor + "], got " + x.spec());
    }
    long n = x.shape().dim(0);
    long h = x.shape().dim(1);
    long w = x.shape().dim(2);
    long c = x.shape().dim(3) / (factor * factor);
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor apart = Reshape.of(x, n, h, w, c, factor, factor);
      Tensor turned = Permute.of(apart, 0, 1, 4, 2, 5, 3);
      return scope.keep(Reshape.of(turned, n, h * factor, w * factor, c));
    }
  }
}
