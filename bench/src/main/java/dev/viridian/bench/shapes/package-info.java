/** The shapes that kernels are timed on: those of Stable Diffusion 1.5 at 512 by 512. */
@NullMarked
package dev.viridian.bench.shapes;

import org.jspecify.annotations.NullMarked;
