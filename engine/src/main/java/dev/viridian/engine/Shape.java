package dev.viridian.engine;

import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;

/** The sizes of a tensor, outermost dimension first; no sizes at all for a single number. */
public final class Shape {
  private final long[] sizes;

  private Shape(long[] sizes) {
    this.sizes = sizes;
  }

  /**
   * A shape of the given sizes.
   *
   * @throws ShapeException if one is negative or their product exceeds a long
   */
  public static Shape of(long... sizes) {
    long elements = 1;
    for (long size : sizes) {
      if (size < 0) {
        throw new ShapeException("negative size in " + Arrays.toString(sizes));
      }
      try {
        elements = Math.multiplyExact(elements, size);
      } catch (ArithmeticException e) {
        throw new ShapeException("too many elements in " + Arrays.toString(sizes));
      }
    }
    return new Shape(sizes.clone());
  }

  /** A shape of the given sizes. */
  public static Shape of(List<Long> sizes) {
    return of(sizes.stream().mapToLong(Long::longValue).toArray());
  }

  /** Number of dimensions. */
  public int rank() {
    return sizes.length;
  }

  /**
   * Size of a dimension.
   *
   * @param dim from −rank to rank − 1; −1 is the last
   */
  public long dim(int dim) {
    return sizes[axis(dim)];
  }

  /** Size of a dimension as an int. */
  public int size(int dim) {
    return Math.toIntExact(dim(dim));
  }

  /** A dimension counted from the front, given one from −rank to rank − 1. */
  public int axis(int dim) {
    int axis = dim < 0 ? dim + sizes.length : dim;
    if (axis < 0 || axis >= sizes.length) {
      throw new ShapeException("dimension " + dim + " does not exist in " + this);
    }
    return axis;
  }

  /** Product of the sizes; 1 for a single number. */
  public long elements() {
    return range(0, sizes.length);
  }

  /** Product of the sizes from dimension {@code from} to before {@code to}. */
  public long range(int from, int to) {
    long n = 1;
    for (int i = from; i < to; i++) {
      n *= sizes[i];
    }
    return n;
  }

  /** A copy of the sizes. */
  public long[] sizes() {
    return sizes.clone();
  }

  /** The sizes as a list. */
  public List<Long> toList() {
    return LongStream.of(sizes).boxed().toList();
  }

  /** The same with one size replaced. */
  public Shape with(int dim, long size) {
    long[] copy = sizes.clone();
    copy[axis(dim)] = size;
    return of(copy);
  }

  /** The same with a dimension inserted before {@code axis}. */
  public Shape insert(int axis, long size) {
    long[] copy = new long[sizes.length + 1];
    System.arraycopy(sizes, 0, copy, 0, axis);
    copy[axis] = size;
    System.arraycopy(sizes, axis, copy, axis + 1, sizes.length - axis);
    return of(copy);
  }

  /** The same without a dimension. */
  public Shape without(int dim) {
    int axis = axis(dim);
    long[] copy = new long[sizes.length - 1];
    System.arraycopy(sizes, 0, copy, 0, axis);
    System.arraycopy(sizes, axis + 1, copy, axis, copy.length - axis);
    return of(copy);
  }

  /** Row-major strides, in elements. */
  public long[] strides() {
    long[] strides = new long[sizes.length];
    long step = 1;
    for (int i = sizes.length - 1; i >= 0; i--) {
      strides[i] = step;
      step *= Math.max(1, sizes[i]);
    }
    return strides;
  }

  /** Row-major strides as a list, in elements. */
  public List<Long> stridesList() {
    return LongStream.of(strides()).boxed().toList();
  }

  /**
   * The shape that two shapes are repeated to: sizes are matched from the last, and 1 gives way.
   *
   * @throws ShapeException if they do not fit
   */
  public static Shape broadcast(Shape a, Shape b) {
    int rank = Math.max(a.rank(), b.rank());
    long[] sizes = new long[rank];
    for (int i = 1; i <= rank; i++) {
      long x = i <= a.rank() ? a.sizes[a.rank() - i] : 1;
      long y = i <= b.rank() ? b.sizes[b.rank() - i] : 1;
      if (x != y && x != 1 && y != 1) {
        throw new ShapeException("shapes " + a + " and " + b + " do not broadcast");
      }
      sizes[rank - i] = x == 1 ? y : x;
    }
    return of(sizes);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Shape s && Arrays.equals(sizes, s.sizes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(sizes);
  }

  @Override
  public String toString() {
    return Arrays.toString(sizes);
  }
}
