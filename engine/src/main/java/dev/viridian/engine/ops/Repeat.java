package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import java.util.Arrays;

/** The whole tensor again and again: {@code y[i, j, …] = x[i mod size₀, j mod size₁, …]}. */
public final class Repeat {
  private Repeat() {}

  /**
   * Repeats.
   *
   * @param repeats how often along each dimension of the result; where there are more than x has
   *     dimensions, the first ones are new
   */
  public static Tensor of(Tensor x, int... repeats) {
    int shift = repeats.length - x.shape().rank();
    if (shift < 0) {
      throw new ShapeException(
          "Repeat: " + Arrays.toString(repeats) + " has fewer entries than " + x.shape());
    }
    long[] apart = new long[2 * repeats.length];
    long[] repeated = new long[2 * repeats.length];
    long[] sizes = new long[repeats.length];
    for (int i = 0; i < repeats.length; i++) {
      long size = i < shift ? 1 : x.shape().dim(i - shift);
      apart[2 * i] = 1;
      apart[2 * i + 1] = size;
      repeated[2 * i] = repeats[i];
      repeated[2 * i + 1] = size;
      sizes[i] = repeats[i] * size;
    }
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor wide = Expand.of(Reshape.of(x, apart), Shape.of(repeated));
      return scope.keep(Reshape.of(wide, sizes));
    }
  }
}
