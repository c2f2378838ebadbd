package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;

/**
 * Values that were chosen, and where.
 *
 * @param values F32
 * @param indices I64, of the same shape: places along the dimension that was searched
 */
public record Selection(Tensor values, Tensor indices) {}
