package dev.viridian.engine.ops;

import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;

/** Tensors of one shape joined along a new dimension. */
public final class Stack {
  private Stack() {}

  /**
   * Joins.
   *
   * @param dim of the result; −1 is its last
   */
  public static Tensor of(int dim, Tensor... parts) {
    int rank = parts[0].shape().rank() + 1;
    int axis = dim < 0 ? dim + rank : dim;
    if (axis < 0 || axis >= rank) {
      throw new ShapeException(
          "Stack: dimension " + dim + " does not exist in a result of " + rank);
    }
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor[] wide = new Tensor[parts.length];
      for (int i = 0; i < parts.length; i++) {
        wide[i] = Reshape.of(parts[i], parts[i].shape().insert(axis, 1).sizes());
      }
      return scope.keep(Cat.of(axis, wide));
    }
  }
}
