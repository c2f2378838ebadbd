/** The run book: what is checked and timed on a machine with a GPU. */
@NullMarked
package dev.viridian.bench.gpu;

import org.jspecify.annotations.NullMarked;
