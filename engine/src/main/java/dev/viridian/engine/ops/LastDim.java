package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Tape;
import java.util.stream.IntStream;

/** For ops whose kernels run along the last dimension. */
final class LastDim {
  private LastDim() {}

  /** Applies an op that keeps the shape along any dimension, by exchanging it with the last. */
  static Tensor apply(ComputeOp op, Tensor x, int dim) {
    int axis = x.shape().axis(dim);
    int last = x.shape().rank() - 1;
    if (axis == last) {
      return Tape.apply(op, x);
    }
    int[] exchanged =
        IntStream.rangeClosed(0, last).map(d -> d == axis ? last : d == last ? axis : d).toArray();
    return Permute.of(Tape.apply(op, Permute.of(x, exchanged)), exchanged);
  }

  static void check(String op, TensorSpec x) {
    Expect.f32(op, "x", x, 1);
    checkSize(op, x);
  }

  /** Fails if there is nothing along the dimension. */
  static void checkSize(String op, TensorSpec x) {
    if (x.shape().dim(-1) == 0) {
      throw new ShapeException(op + ": x: no elements along the dimension in " + x);
    }
  }

  static long rows(Shape shape) {
    return shape.range(0, shape.rank() - 1);
  }
}
