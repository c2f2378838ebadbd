/** The threads that all CPU kernels share; below them, so that packages form no cycle. */
@NullMarked
package dev.viridian.kernels.cpu.threads;

import org.jspecify.annotations.NullMarked;
