/** Timings of the whole and of its parts, beside those of other engines. */
@NullMarked
package dev.viridian.bench;

import org.jspecify.annotations.NullMarked;
