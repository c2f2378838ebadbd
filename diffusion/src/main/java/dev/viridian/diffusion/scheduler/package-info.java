/**
 * Noise schedulers: how noise becomes a picture in few steps.
 *
 * <p>A {@link dev.viridian.diffusion.scheduler.Scheduler} is a set of tables and rules; {@link
 * dev.viridian.diffusion.scheduler.Scheduler#start} gives a {@link
 * dev.viridian.diffusion.scheduler.SchedulerRun}, which denoises one batch. A step computes its
 * coefficients on the host, in double, and applies them as linear combinations of tensors, so that
 * it never waits for numbers from the device.
 *
 * <p>A further sampler is one class beside the others and one row in {@link
 * dev.viridian.diffusion.scheduler.Schedulers}.
 */
@NullMarked
package dev.viridian.diffusion.scheduler;

import org.jspecify.annotations.NullMarked;
