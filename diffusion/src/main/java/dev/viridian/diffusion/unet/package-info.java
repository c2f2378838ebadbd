/** The noise predictor of Stable Diffusion 1.x. */
@NullMarked
package dev.viridian.diffusion.unet;

import org.jspecify.annotations.NullMarked;
