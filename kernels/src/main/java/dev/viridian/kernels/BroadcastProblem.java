package dev.viridian.kernels;

import java.util.List;

/**
 * An element-wise walk over two F32 operands by strides: the result is contiguous in {@code shape},
 * operand a is read at {@code Σ index·aStrides}, b likewise; 0 repeats a value.
 *
 * @param shape sizes, outermost first; empty for a single number
 */
public record BroadcastProblem(List<Long> shape, List<Long> aStrides, List<Long> bStrides) {
  /** Checks that the lists agree. */
  public BroadcastProblem {
    shape = List.copyOf(shape);
    aStrides = List.copyOf(aStrides);
    bStrides = List.copyOf(bStrides);
    Check.that(
        shape.size() == aStrides.size() && shape.size() == bStrides.size(),
        "BroadcastProblem",
        "shape and strides differ in rank");
    for (long size : shape) {
      Check.notNegative("BroadcastProblem", "size", size);
    }
  }

  /** Number of elements of the result. */
  public long elements() {
    long n = 1;
    for (long size : shape) {
      n = Math.multiplyExact(n, size);
    }
    return n;
  }
}
