/** Whole runs: from a prompt to latents and decoded maps. */
@NullMarked
package dev.viridian.diffusion.pipeline;

import org.jspecify.annotations.NullMarked;
