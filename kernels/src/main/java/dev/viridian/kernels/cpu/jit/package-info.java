/**
 * Machine code that Viridian writes itself at run time, for x86-64 on Linux: an assembler, pages to
 * execute from, what the processor can do, matrix products, convolutions and attention made with
 * them. Elsewhere everything here declines, and the next implementation of a family is used.
 */
@NullMarked
package dev.viridian.kernels.cpu.jit;

import org.jspecify.annotations.NullMarked;
