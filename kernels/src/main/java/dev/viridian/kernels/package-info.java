/**
 * Numbers in memory: buffers, problem records and one contract per family of kernels.
 *
 * <p>This module knows buffers and problems, never tensors.
 */
@NullMarked
package dev.viridian.kernels;

import org.jspecify.annotations.NullMarked;
