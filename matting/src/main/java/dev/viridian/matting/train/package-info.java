/**
 * Training: networks whose weights move, the losses of a batch, data sets and the workers that read
 * them, steps of the optimiser, checkpoints, and the model that comes out.
 */
@NullMarked
package dev.viridian.matting.train;

import org.jspecify.annotations.NullMarked;
