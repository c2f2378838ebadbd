package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;

/** Each index of a dimension several times in a row: {@code y[…, i, …] = x[…, i / repeats, …]}. */
public final class RepeatInterleave {
  private RepeatInterleave() {}

  /** Repeats each index of {@code dim} (−1 is the last). */
  public static Tensor of(Tensor x, int repeats, int dim) {
    int axis = x.shape().axis(dim);
    Shape apart = x.shape().insert(axis + 1, 1);
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor wide = Expand.of(Reshape.of(x, apart.sizes()), apart.with(axis + 1, repeats));
      long size = x.shape().dim(axis) * repeats;
      return scope.keep(Reshape.of(wide, x.shape().with(axis, size).sizes()));
    }
  }
}
