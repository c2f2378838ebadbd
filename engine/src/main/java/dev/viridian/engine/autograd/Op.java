package dev.viridian.engine.autograd;

/**
 * A differentiable operation: a value (usually a record of its attributes) that knows its result's
 * shape, how to compute it, and its gradient. Either a {@link ComputeOp} or a {@link ViewOp}.
 *
 * <p>By habit each op has a static method {@code of(…)} that applies it: {@code Tape.apply(new
 * Silu(), x)}.
 */
public sealed interface Op permits ComputeOp, ViewOp {
  /** Its name in messages. */
  default String name() {
    return getClass().getSimpleName();
  }

  /** Whether the backward pass reads input {@code i}; the tape keeps what is read. */
  default boolean keepsInput(int i) {
    return true;
  }

  /** Whether the backward pass reads output {@code i}. */
  default boolean keepsOutput(int i) {
    return false;
  }

  /**
   * Gives the gradient of each input that {@link Backward#wants wants} one, by {@link
   * Backward#gradient} or {@link Backward#give}. Runs in a memory scope of its own. An op without a
   * gradient (whole-number results) leaves this out.
   */
  default void backward(Backward c) {
    throw new UnsupportedOperationException(name() + " has no gradient");
  }
}
