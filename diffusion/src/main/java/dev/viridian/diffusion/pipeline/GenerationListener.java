package dev.viridian.diffusion.pipeline;

import dev.viridian.engine.Tensor;
import org.jspecify.annotations.Nullable;

/** Hears how a run goes, on the thread that runs it. What it throws ends the run. */
@FunctionalInterface
public interface GenerationListener {
  /** Hears nothing. */
  GenerationListener NONE = (phase, step, steps, preview) -> {};

  /** The parts of a run, in order. */
  enum Phase {
    /** The prompts are encoded. */
    TEXT,
    /** The model is evaluated, once a step (some samplers more often). */
    DENOISE,
    /** The latents become a picture. */
    DECODE,
    /** The matting head reads the alpha. */
    MATTE
  }

  /**
   * A step of a phase is done.
   *
   * @param step from 1 to {@code steps}; 0 when the phase begins
   * @param preview while denoising, what the latents would be if the model were right now, [n, h,
   *     w, c]; only valid during the call; null otherwise
   */
  void progress(Phase phase, int step, int steps, @Nullable Tensor preview);
}
