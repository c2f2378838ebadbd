/** Tensors that can be differentiated. */
@NullMarked
package dev.viridian.engine;

import org.jspecify.annotations.NullMarked;
