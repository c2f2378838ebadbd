/** Kernels for the CPU: for each family one ordered list of implementations. */
@NullMarked
package dev.viridian.kernels.cpu;

import org.jspecify.annotations.NullMarked;
