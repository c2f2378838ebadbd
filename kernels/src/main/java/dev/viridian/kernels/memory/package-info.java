/** Buffers and the allocators that hand them out. */
@NullMarked
package dev.viridian.kernels.memory;

import org.jspecify.annotations.NullMarked;
