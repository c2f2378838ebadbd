package dev.viridian.engine.io;

import java.util.List;
import java.util.Objects;

/**
 * What a weight file says of one tensor. Immutable.
 *
 * @param name its key in the file
 * @param type the type of its numbers
 * @param shape sizes, slowest first, each ≥ 0; empty for a single number
 */
public record TensorInfo(String name, FileType type, List<Long> shape) {
  /** The largest number of dimensions that a file may give a tensor. */
  static final int MAX_RANK = 32;

  /**
   * Copies the shape and checks it.
   *
   * @throws IllegalArgumentException where a size is negative, or where the number of bytes, zeros
   *     in the shape counted as ones, does not fit 63 bits (so that strides cannot overflow either)
   */
  public TensorInfo {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(type, "type");
    shape = List.copyOf(shape);
    if (shape.size() > MAX_RANK) {
      throw new IllegalArgumentException(
          "shape has " + shape.size() + " dimensions, at most " + MAX_RANK + " are supported");
    }
    long extent = type.bytes();
    for (long size : shape) {
      if (size < 0) {
        throw new IllegalArgumentException("shape " + shape + " has a negative size");
      }
      long factor = Math.max(size, 1);
      if (extent > Long.MAX_VALUE / factor) {
        throw new IllegalArgumentException("shape " + shape + " overflows 64 bits");
      }
      extent *= factor;
    }
  }

  /** The number of dimensions. */
  public int rank() {
    return shape.size();
  }

  /** The sizes as a fresh array. */
  public long[] dims() {
    return shape.stream().mapToLong(Long::longValue).toArray();
  }

  /** The number of elements: the product of the sizes, 1 for an empty shape. */
  public long elements() {
    long n = 1;
    for (long size : shape) {
      n *= size;
    }
    return n;
  }

  /** The number of bytes of the row-major data. */
  public long bytes() {
    return elements() * type.bytes();
  }
}
