package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.ReduceKernels;
import java.util.Arrays;
import java.util.stream.IntStream;

/** The dimensions that a reduction runs over. */
final class Dims {
  /** Makes the op that reduces dimensions {@code from} to before {@code to}. */
  @FunctionalInterface
  interface Maker {
    ComputeOp make(int from, int to);
  }

  private Dims() {}

  /** Sorted, counted from the front; all of them if none are given. */
  static int[] of(String op, Shape shape, int... dims) {
    if (dims.length == 0) {
      return IntStream.range(0, shape.rank()).toArray();
    }
    int[] axes = Arrays.stream(dims).map(shape::axis).sorted().distinct().toArray();
    if (axes.length != dims.length) {
      throw new ShapeException(op + ": a dimension twice in " + Arrays.toString(dims));
    }
    return axes;
  }

  /** The shape after the reduction. */
  static Shape reduced(Shape shape, int[] axes, boolean keep) {
    Shape result = shape;
    for (int i = axes.length - 1; i >= 0; i--) {
      result = keep ? result.with(axes[i], 1) : result.without(axes[i]);
    }
    return result;
  }

  /** Number of elements that go into one result. */
  static long count(Shape shape, int[] axes) {
    return Arrays.stream(axes).mapToLong(shape::dim).reduce(1, Math::multiplyExact);
  }

  /**
   * Reduces x over {@code dims}: where they are neighbours as they lie, else with them moved to the
   * end. The op's first result must have the elements of the reduced shape, in order.
   *
   * @param last move them to the end in any case
   */
  static Tensor reduce(String op, Tensor x, boolean last, boolean keep, int[] dims, Maker maker) {
    Shape shape = x.shape();
    int[] axes = of(op, shape, dims);
    int rank = shape.rank();
    int from = axes.length == 0 ? rank : axes[0];
    int to = from + axes.length;
    boolean neighbours = axes.length == 0 || axes[axes.length - 1] == to - 1;
    Tensor source = x;
    if (!neighbours || last && to != rank) {
      int[] order =
          IntStream.concat(
                  IntStream.range(0, rank).filter(d -> Arrays.binarySearch(axes, d) < 0),
                  Arrays.stream(axes))
              .toArray();
      source = Permute.of(x, order);
      from = rank - axes.length;
      to = rank;
    }
    Tensor y = Tape.apply(maker.make(from, to), source);
    return Reshape.of(y, reduced(shape, axes, keep).sizes());
  }

  /** Dimensions {@code from} to before {@code to} of a contiguous tensor as a kernel's middle. */
  static ReduceKernels.Problem problem(Shape shape, int from, int to) {
    return new ReduceKernels.Problem(
        shape.range(0, from),
        Math.toIntExact(shape.range(from, to)),
        shape.range(to, shape.rank()));
  }

  /** The shape with the sizes of dimensions {@code from} to before {@code to} set to 1. */
  static Shape ones(Shape shape, int from, int to) {
    Shape result = shape;
    for (int d = from; d < to; d++) {
      result = result.with(d, 1);
    }
    return result;
  }
}
