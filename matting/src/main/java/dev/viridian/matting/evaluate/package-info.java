/** How good a model is: figures of its pictures, and who recognises them. */
@NullMarked
package dev.viridian.matting.evaluate;

import org.jspecify.annotations.NullMarked;
