package dev.viridian.engine.autograd;

import dev.viridian.engine.TensorSpec;
import java.util.List;

/** An operation that writes new memory. */
public non-sealed interface ComputeOp extends Op {
  /**
   * Checks the inputs and says what the outputs are.
   *
   * @throws dev.viridian.engine.ShapeException naming this op, the argument and both sides
   */
  List<TensorSpec> infer(List<TensorSpec> inputs);

  /** Tensors that the forward pass fills for the backward pass alone, such as a norm's mean. */
  default List<TensorSpec> saved(List<TensorSpec> inputs) {
    return List.of();
  }

  /** Whether the kernel reads input {@code i} by its strides; if not it comes contiguous. */
  default boolean readsStrides(int i) {
    return false;
  }

  /** Computes the outputs, every element of them. Runs in a memory scope of its own. */
  void forward(Forward c);
}
