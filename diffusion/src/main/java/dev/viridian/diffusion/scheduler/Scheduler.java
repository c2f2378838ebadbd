package dev.viridian.diffusion.scheduler;

import dev.viridian.engine.InputException;

/**
 * A sampler with its settings: it plans runs of any number of steps. Immutable, and safe for use by
 * any threads; the runs are not.
 */
public abstract class Scheduler {
  private final SchedulerConfig config;

  Scheduler(SchedulerConfig config) {
    this.config = config;
  }

  /** The settings it was made with. */
  public final SchedulerConfig config() {
    return config;
  }

  /** How much noise each training timestep has. */
  public abstract NoiseTable table();

  /**
   * Plans a run and begins it.
   *
   * @param steps 1 to the number of training timesteps; some samplers call the model more often
   * @throws InputException if the sampler cannot do that many
   */
  public final SchedulerRun start(int steps) {
    if (steps < 1 || steps > config.trainSteps()) {
      throw new InputException(
          "number of steps is " + steps + ", expected 1 to " + config.trainSteps());
    }
    return plan(steps);
  }

  abstract SchedulerRun plan(int steps);

  /**
   * The call with which image to image begins: the first so many are left out, and the image is
   * noised by {@link SchedulerRun#addNoise} to the level of this one. Equal to the number of steps
   * where the strength is too small for any.
   *
   * @param strength 0 (the image stays) to 1 (nothing of it stays)
   * @throws InputException if the strength is not from 0 to 1
   */
  public static int firstCall(int steps, double strength) {
    if (!(strength >= 0 && strength <= 1)) {
      throw new InputException("strength is " + strength + ", expected 0 to 1");
    }
    // The product is cut off, not rounded: 50 · 0.58 = 28.999... counts as 28.
    return steps - Math.min((int) (steps * strength), steps);
  }
}
