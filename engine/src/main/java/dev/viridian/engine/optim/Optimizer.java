package dev.viridian.engine.optim;

import dev.viridian.engine.Tensor;
import java.util.Map;

/**
 * Changes parameters in place by their gradients. A parameter without a gradient in a step is left
 * alone: no weight decay, and its own count of steps stands still. Owns its state, not the
 * parameters. Not thread-safe.
 */
public interface Optimizer extends AutoCloseable {
  /**
   * One step.
   *
   * @param learningRate at least 0; at 0 nothing moves, yet the state advances
   */
  void step(GradientSource gradients, double learningRate);

  /**
   * What continues a run: the optimiser's own tensors under {@code parameter + "." + kind}, live,
   * for those parameters that have had a gradient. They stay the optimiser's.
   */
  Map<String, Tensor> state();

  /** How many steps each parameter has taken; those that took none are absent. */
  Map<String, Long> steps();

  /**
   * Takes up a run: copies the tensors of an earlier {@link #state} and the counts of its {@link
   * #steps}.
   *
   * @throws dev.viridian.engine.InputException naming what is missing, unknown or of another shape
   */
  void restore(Map<String, Tensor> state, Map<String, Long> steps);

  @Override
  void close();
}
