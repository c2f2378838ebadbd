/** Kernels on the JDK's Vector API; the only code that uses it. */
@NullMarked
package dev.viridian.kernels.cpu.vector;

import org.jspecify.annotations.NullMarked;
