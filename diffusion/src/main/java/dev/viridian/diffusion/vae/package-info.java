/** The autoencoder between pictures and latents. */
@NullMarked
package dev.viridian.diffusion.vae;

import org.jspecify.annotations.NullMarked;
