package dev.viridian.diffusion.scheduler;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import java.util.Objects;

/**
 * The denoising of one batch. With {@code x} the noise times {@link #initNoiseSigma}, for each call
 * i in order: {@code output = model(scaleModelInput(x, i), timestep(i))}, then {@code x =
 * step(output, i, x, noise).sample()}.
 *
 * <p>Multistep methods remember outputs between the calls; {@link #close} lets go of them. Calls
 * are made in ascending order, from 0 or, for image to image, from {@link Scheduler#firstCall}. Not
 * safe for use by several threads.
 */
public abstract class SchedulerRun implements AutoCloseable {
  private final double[] timesteps;

  SchedulerRun(double[] timesteps) {
    this.timesteps = timesteps;
  }

  /** How often the model is called. */
  public final int calls() {
    return timesteps.length;
  }

  /** The timestep that the model is told in a call; a fraction in some schedules. */
  public final double timestep(int call) {
    return timesteps[call];
  }

  /** The timesteps of all calls. */
  public final double[] timesteps() {
    return timesteps.clone();
  }

  /**
   * The noise levels σ of samplers that go by them, one more than there are calls; empty for the
   * others.
   */
  public double[] sigmas() {
    return new double[0];
  }

  /** What the initial noise is multiplied by. */
  public double initNoiseSigma() {
    return 1;
  }

  /** What the model is given in place of the sample; may be the sample itself. */
  public Tensor scaleModelInput(Tensor sample, int call) {
    return sample;
  }

  /**
   * Goes from the noise level of a call to that of the next.
   *
   * @param modelOutput the model's output, guidance applied
   * @param call its number
   * @param sample the sample at this noise level
   * @param noise asked for noise by stochastic samplers
   */
  public final SchedulerStep step(Tensor modelOutput, int call, Tensor sample, NoiseSource noise) {
    Objects.checkIndex(call, calls());
    if (!modelOutput.shape().equals(sample.shape())) {
      throw new IllegalArgumentException(
          "step: expected a model output of the sample's shape "
              + sample.shape()
              + ", got "
              + modelOutput.shape());
    }
    try (MemoryScope scope = MemoryScope.open()) {
      SchedulerStep step = advance(modelOutput, call, sample, noise);
      scope.keep(step.sample());
      scope.keep(step.denoised());
      return step;
    }
  }

  abstract SchedulerStep advance(Tensor output, int call, Tensor sample, NoiseSource noise);

  /** Noises a clean sample to the level of a call. */
  public abstract Tensor addNoise(Tensor clean, Tensor noise, int call);

  @Override
  public void close() {}
}
