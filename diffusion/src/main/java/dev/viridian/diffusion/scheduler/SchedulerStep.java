package dev.viridian.diffusion.scheduler;

import dev.viridian.engine.Tensor;

/**
 * What a step results in.
 *
 * @param sample the sample of the next call: less noisy
 * @param denoised what the model, by its output in this call, takes the clean sample to be
 */
public record SchedulerStep(Tensor sample, Tensor denoised) {}
