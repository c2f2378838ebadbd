package dev.viridian.kernels;

import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/** Moving numbers: strided copies with conversion, and by index. */
public interface CopyKernels {
  /**
   * A copy by strides (in elements) with conversion of type. A source stride of 0 repeats; the
   * destination's elements must be distinct. Conversion to BF16 and F16 rounds to nearest even;
   * from floating point to whole numbers it cuts toward zero.
   *
   * @param sourceOffset of the first element, in elements (strides may be negative for a flip)
   */
  record Copy(
      List<Long> shape,
      DType source,
      long sourceOffset,
      List<Long> sourceStrides,
      DType target,
      long targetOffset,
      List<Long> targetStrides) {
    /** Checks that the lists agree. */
    public Copy {
      shape = List.copyOf(shape);
      sourceStrides = List.copyOf(sourceStrides);
      targetStrides = List.copyOf(targetStrides);
      Check.that(
          shape.size() == sourceStrides.size() && shape.size() == targetStrides.size(),
          "Copy",
          "shape and strides differ in rank");
      for (long size : shape) {
        Check.notNegative("Copy", "size", size);
      }
    }

    /** Number of elements copied. */
    public long elements() {
      long n = 1;
      for (long size : shape) {
        n = Math.multiplyExact(n, size);
      }
      return n;
    }
  }

  /**
   * Indices along the middle of contiguous F32 [outer, size, inner].
   *
   * @param count number of indices
   */
  record Indexed(long outer, int size, int count, long inner) {
    /** Checks sizes. */
    public Indexed {
      Check.notNegative("Indexed", "outer", outer);
      Check.notNegative("Indexed", "size", size);
      Check.notNegative("Indexed", "count", count);
      Check.notNegative("Indexed", "inner", inner);
    }
  }

  /** {@code target = source}; they must not overlap. */
  void copy(Copy p, Buffer source, Buffer target);

  /** {@code target += source} (F32 both), else as {@link #copy}. */
  void copyAdd(Copy p, Buffer source, Buffer target);

  /** n values of x = value (rounded or cut to the type). */
  void fill(DType type, long n, double value, Buffer x);

  /**
   * One list of indices for all: {@code y[o, i, ·] = x[o, index[i], ·]}; index I64 [count].
   *
   * @param values type of x; y is F32
   * @throws IndexOutOfBoundsException if an index is outside 0 … size − 1; nothing is written then.
   *     A device that works behind the calls throws it with the next download instead; y has NaN
   *     for what would lie outside.
   */
  void select(Indexed p, DType values, Buffer x, Buffer index, Buffer y);

  /** {@code x[o, index[i], ·] += y[o, i, ·]}, in order of i: gradient of {@link #select}. */
  void selectAdd(Indexed p, Buffer y, Buffer index, Buffer x);

  /** An index for each element: {@code y[o, i, j] = x[o, index[o, i, j], j]}; checked likewise. */
  void gather(Indexed p, Buffer x, Buffer index, Buffer y);

  /** {@code x[o, index[o, i, j], j] += y[o, i, j]}, in order of i; checked likewise. */
  void scatterAdd(Indexed p, Buffer y, Buffer index, Buffer x);
}
