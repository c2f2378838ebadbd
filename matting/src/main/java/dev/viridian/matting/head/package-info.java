/** The matting head: a coarse mask from the decoder's features. */
@NullMarked
package dev.viridian.matting.head;

import org.jspecify.annotations.NullMarked;
