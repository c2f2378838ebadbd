/** Optimisers, schedules of the learning rate, clipping and moving averages. */
@NullMarked
package dev.viridian.engine.optim;

import org.jspecify.annotations.NullMarked;
