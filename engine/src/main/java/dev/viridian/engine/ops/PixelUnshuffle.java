package dev.viridian.engine.ops;

import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;

/**
 * Blocks of pixels gathered in channels, the reverse of {@link PixelShuffle}: x [n, h·f, w·f, c], y
 * [n, h, w, c·f·f] with {@code y[n, i, j, (k·f + a)·f + b] = x[n, i·f + a, j·f + b, k]}.
 */
public final class PixelUnshuffle {
  private PixelUnshuffle() {}

  /** Gathers. */
  public static Tensor of(Tensor x, int factor) {
    if (x.shape().rank() != 4
        || factor < 1
        || x.shape().dim(1) % factor != 0
        || x.shape().dim(2) % factor != 0) {
      throw new ShapeException(
          "PixelUnshuffle: x: expected [n, h·"
              + factor
              + ", w·"
              + factor
              + ", c], got "
              + x.spec());
    }
    long n = x.shape().dim(0);
    long h = x.shape().dim(1) / factor;
    long w = x.shape().dim(2) / factor;
    long c = x.shape().dim(3);
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor apart = Reshape.of(x, n, h, factor, w, factor, c);
      Tensor turned = Permute.of(apart, 0, 1, 3, 5, 2, 4);
      return scope.keep(Reshape.of(turned, n, h, w, c * factor * factor));
    }
  }
}
