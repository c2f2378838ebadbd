package dev.viridian.engine;

import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Where the elements of a tensor lie in its storage: element (i, j, …) at {@code offset + i·stride₀
 * + j·stride₁ + …}, all in elements. A stride of 0 repeats a value.
 */
public final class Layout {
  private final Shape shape;
  private final long[] strides;
  private final long offset;

  /** A layout; strides as many as the shape's dimensions, none negative. */
  public Layout(Shape shape, long[] strides, long offset) {
    if (strides.length != shape.rank()) {
      throw new ShapeException(strides.length + " strides for shape " + shape);
    }
    this.shape = shape;
    this.strides = strides.clone();
    this.offset = offset;
  }

  /** Row-major without gaps, from the start. */
  public static Layout contiguous(Shape shape) {
    return new Layout(shape, shape.strides(), 0);
  }

  /** The sizes. */
  public Shape shape() {
    return shape;
  }

  /** The distance between neighbours along a dimension (−rank to rank − 1). */
  public long stride(int dim) {
    return strides[shape.axis(dim)];
  }

  /** A copy of the strides. */
  public long[] strides() {
    return strides.clone();
  }

  /** The strides as a list. */
  public List<Long> strideList() {
    return LongStream.of(strides).boxed().toList();
  }

  /** Where the first element lies. */
  public long offset() {
    return offset;
  }

  /** Whether the elements lie row-major without gaps (at any offset). */
  public boolean isContiguous() {
    long step = 1;
    for (int i = strides.length - 1; i >= 0; i--) {
      long size = shape.dim(i);
      if (size == 0) {
        return true;
      }
      if (size != 1 && strides[i] != step) {
        return false;
      }
      step *= size;
    }
    return true;
  }

  /** Elements from the first to the last, both included; 0 for an empty shape. */
  public long span() {
    if (shape.elements() == 0) {
      return 0;
    }
    long last = 0;
    for (int i = 0; i < strides.length; i++) {
      last += (shape.dim(i) - 1) * strides[i];
    }
    return last + 1;
  }

  /** The dimensions in another order. */
  public Layout permute(int... dims) {
    if (dims.length != shape.rank()) {
      throw new ShapeException("permute: " + Arrays.toString(dims) + " for shape " + shape);
    }
    long[] sizes = new long[dims.length];
    long[] steps = new long[dims.length];
    boolean[] seen = new boolean[dims.length];
    for (int i = 0; i < dims.length; i++) {
      int axis = shape.axis(dims[i]);
      if (seen[axis]) {
        throw new ShapeException("permute: dimension " + dims[i] + " twice");
      }
      seen[axis] = true;
      sizes[i] = shape.dim(axis);
      steps[i] = strides[axis];
    }
    return new Layout(Shape.of(sizes), steps, offset);
  }

  /** Every {@code step}-th index of a dimension from {@code start} to before {@code stop}. */
  public Layout slice(int dim, long start, long stop, long step) {
    int axis = shape.axis(dim);
    if (start < 0 || stop > shape.dim(axis) || start > stop || step < 1) {
      throw new ShapeException(
          "slice " + start + ":" + stop + ":" + step + " of dimension " + dim + " of " + shape);
    }
    long[] steps = strides.clone();
    steps[axis] *= step;
    Shape part = shape.with(axis, (stop - start + step - 1) / step);
    return new Layout(part, steps, offset + start * strides[axis]);
  }

  /** Repeated to a larger shape, by the rules of {@link Shape#broadcast}. */
  public Layout expand(Shape target) {
    if (target.rank() < shape.rank() || !Shape.broadcast(shape, target).equals(target)) {
      throw new ShapeException("expand: " + shape + " does not repeat to " + target);
    }
    long[] steps = new long[target.rank()];
    int shift = target.rank() - shape.rank();
    for (int i = 0; i < shape.rank(); i++) {
      steps[shift + i] = shape.dim(i) == 1 && target.dim(shift + i) != 1 ? 0 : strides[i];
    }
    return new Layout(target, steps, offset);
  }

  /** The same elements in another shape, or null where that takes a copy. */
  public @Nullable Layout reshape(Shape target) {
    if (target.elements() != shape.elements()) {
      throw new ShapeException("reshape: " + shape + " has not the elements of " + target);
    }
    if (isContiguous()) {
      return new Layout(target, target.strides(), offset);
    }
    // Runs of dimensions that lie without gaps among themselves are split or merged one by one.
    long[] steps = new long[target.rank()];
    int from = 0;
    int to = 0;
    while (from < shape.rank() || to < target.rank()) {
      int firstFrom = from;
      int firstTo = to;
      long a = from < shape.rank() ? shape.dim(from++) : 1;
      long b = to < target.rank() ? target.dim(to++) : 1;
      while (a != b) {
        if (a < b) {
          a *= shape.dim(from++);
        } else {
          b *= target.dim(to++);
        }
      }
      long step = -1;
      for (int i = from - 1; i >= firstFrom; i--) {
        if (shape.dim(i) == 1) {
          continue;
        }
        if (step >= 0 && strides[i] != step) {
          return null;
        }
        step = strides[i] * shape.dim(i);
      }
      long inner = 1;
      for (int i = from - 1; i >= firstFrom; i--) {
        if (shape.dim(i) != 1) {
          inner = strides[i];
          break;
        }
      }
      for (int i = to - 1; i >= firstTo; i--) {
        steps[i] = inner;
        inner *= target.dim(i);
      }
    }
    return new Layout(target, steps, offset);
  }

  @Override
  public String toString() {
    return shape + " strides " + Arrays.toString(strides) + " offset " + offset;
  }
}
