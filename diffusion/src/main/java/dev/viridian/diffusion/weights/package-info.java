/** Weight files: all knowledge of the names in checkpoints is here and nowhere else. */
@NullMarked
package dev.viridian.diffusion.weights;

import org.jspecify.annotations.NullMarked;
