/** Operations, the tape that records them, and gradients. */
@NullMarked
package dev.viridian.engine.autograd;

import org.jspecify.annotations.NullMarked;
