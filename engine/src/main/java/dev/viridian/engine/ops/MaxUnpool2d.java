package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;

/**
 * Values put back where {@link MaxPool2d} found them, zero elsewhere: x and index [n, h′, w′, c], y
 * [n, h, w, c]. Values with the same index add up.
 */
public final class MaxUnpool2d {
  private MaxUnpool2d() {}

  /**
   * Puts back.
   *
   * @param index I64: {@code row · w + column} in a map of h rows and w columns
   */
  public static Tensor of(Tensor x, Tensor index, int h, int w) {
    if (x.shape().rank() != 4 || !index.shape().equals(x.shape())) {
      throw new ShapeException(
          "MaxUnpool2d: expected x and index [n, h, w, c], got "
              + x.spec()
              + " and "
              + index.spec());
    }
    long n = x.shape().dim(0);
    long places = x.shape().range(1, 3);
    long c = x.shape().dim(3);
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor zeros = Tensors.zeros(x.device(), Shape.of(n, (long) h * w, c));
      Tensor source = Reshape.of(x, n, places, c);
      Tensor at = Reshape.of(index, n, places, c);
      return scope.keep(Reshape.of(ScatterAdd.of(zeros, 1, at, source), n, h, w, c));
    }
  }
}
