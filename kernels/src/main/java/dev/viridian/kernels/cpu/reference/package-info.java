/** Plain loops: the oracle every other kernel is compared with, and the last resort. */
@NullMarked
package dev.viridian.kernels.cpu.reference;

import org.jspecify.annotations.NullMarked;
