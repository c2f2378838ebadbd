package dev.viridian.diffusion.scheduler;

import dev.viridian.engine.Tensor;

/**
 * Draws standard normal noise of the latents' shape, a tensor a call. Schedulers ask in the order
 * in which diffusers draws, and also where the factor turns out to be 0, so that a seed gives the
 * same picture.
 */
@FunctionalInterface
public interface NoiseSource {
  /** The next noise. A step reads it and does not keep it. */
  Tensor next();
}
