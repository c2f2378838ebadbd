/** From a prompt to token ids. */
@NullMarked
package dev.viridian.diffusion.text;

import org.jspecify.annotations.NullMarked;
