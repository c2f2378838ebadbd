package dev.viridian.engine.ops;

import dev.viridian.engine.Layout;
import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.engine.autograd.ViewOp;
import dev.viridian.kernels.memory.Buffer;

/**
 * Every {@code step}-th index from {@code start} to before {@code stop} of one dimension, as a
 * view. Its gradient is zero elsewhere.
 */
public record Slice(int dim, long start, long stop, long step) implements ViewOp {
  /** Indices {@code start} to before {@code stop} of dimension {@code dim} (−1 is the last). */
  public static Tensor of(Tensor x, int dim, long start, long stop) {
    return of(x, dim, start, stop, 1);
  }

  /** Every {@code step}-th index; {@code 0 ≤ start ≤ stop ≤ size}, {@code step ≥ 1}. */
  public static Tensor of(Tensor x, int dim, long start, long stop, long step) {
    return Tape.apply(new Slice(dim, start, stop, step), x);
  }

  @Override
  public Layout view(Layout input) {
    if (start < 0 || stop > input.shape().dim(dim) || start > stop || step < 1) {
      throw new ShapeException(
          "Slice: "
              + start
              + " to "
              + stop
              + " by "
              + step
              + " of dimension "
              + dim
              + " of "
              + input.shape());
    }
    return input.slice(dim, start, stop, step);
  }

  @Override
  public void backward(Backward c) {
    Buffer dx = c.gradient(0);
    if (dx != null) {
      Shape shape = c.inSpec(0).shape();
      Layout region = Layout.contiguous(shape).slice(dim, start, stop, step);
      Regions.writeAmidZeros(c.kernels(), c.gradOut(0), region, shape.elements(), dx);
    }
  }
}
