/** What the UNet and the VAE are both made of. */
@NullMarked
package dev.viridian.diffusion.layers;

import org.jspecify.annotations.NullMarked;
