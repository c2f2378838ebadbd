package dev.viridian.engine.ops;

import dev.viridian.engine.Layout;
import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.kernels.BroadcastProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PointwiseKernels;
import dev.viridian.kernels.PointwiseKernels.Binary;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/**
 * What the functions of two values have in common: operands are read by their strides, repeated to
 * a common shape, and gradients are summed back to each operand's shape.
 */
interface BinaryOp extends ComputeOp {
  /** The function. */
  Binary function();

  @Override
  default List<TensorSpec> infer(List<TensorSpec> in) {
    DType type = in.get(0).dtype();
    Expect.activation(name(), "a", in.get(0));
    if (in.get(1).dtype() != type) {
      throw new ShapeException(name() + ": b: expected " + type + ", got " + in.get(1));
    }
    try {
      Shape shape = Shape.broadcast(in.get(0).shape(), in.get(1).shape());
      return List.of(new TensorSpec(shape, type));
    } catch (ShapeException e) {
      throw new ShapeException(name() + ": a and b: " + e.getMessage());
    }
  }

  @Override
  default boolean readsStrides(int i) {
    return true;
  }

  @Override
  default boolean keepsInput(int i) {
    return function() != Binary.ADD && function() != Binary.SUB;
  }

  @Override
  default void forward(Forward c) {
    BroadcastProblem p = problem(c.out(0).shape(), c.in(0).layout(), c.in(1).layout());
    c.kernels(0).pointwise().binary(function(), p, c.input(0), c.input(1), c.output(0));
  }

  private static BroadcastProblem problem(Shape y, Layout a, Layout b) {
    return new BroadcastProblem(y.toList(), a.expand(y).strideList(), b.expand(y).strideList());
  }

  @Override
  default void backward(Backward c) {
    for (int i = 0; i < 2; i++) {
      if (!c.wants(i)) {
        continue;
      }
      Shape shape = c.inSpec(i).shape();
      Shape full = c.gradOut(0).shape();
      if (!keepsInput(i)) {
        Tensor dy = SumTo.of(c.gradOut(0), shape);
        c.give(i, function() == Binary.SUB && i == 1 ? Affine.of(dy, -1, 0) : dy);
      } else if (shape.equals(full)) {
        Buffer target = c.gradient(i);
        if (target != null) {
          partial(c, i, full, target);
        }
      } else {
        Tensor repeated = Tensor.empty(c.device(), TensorSpec.f32(full));
        partial(c, i, full, repeated.buffer(name()));
        c.give(i, SumTo.of(repeated, shape));
      }
    }
  }

  /** The gradient of operand {@code i} in the common shape. */
  private void partial(Backward c, int i, Shape full, Buffer target) {
    PointwiseKernels kernels = c.kernels().pointwise();
    BroadcastProblem p = problem(full, c.in(0).layout(), c.in(1).layout());
    if (i == 0) {
      kernels.binaryBackwardA(function(), p, c.input(0), c.input(1), c.gradOutput(0), target);
    } else {
      kernels.binaryBackwardB(function(), p, c.input(0), c.input(1), c.gradOutput(0), target);
    }
  }
}
