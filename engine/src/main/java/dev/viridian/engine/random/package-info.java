/** Random numbers, drawn as PyTorch draws them. */
@NullMarked
package dev.viridian.engine.random;

import org.jspecify.annotations.NullMarked;
