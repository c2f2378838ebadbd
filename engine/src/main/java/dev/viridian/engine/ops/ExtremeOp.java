package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.ReduceKernels;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/**
 * What {@link Max} and {@link Min} have in common: values and places, the gradient to the place.
 */
interface ExtremeOp extends ComputeOp {
  /** The dimension searched, from the front; it stays with size 1. */
  int dim();

  /** Applies the op and drops the dimension unless it is to stay. */
  static Selection select(ExtremeOp op, Tensor x, boolean keep) {
    List<Tensor> both = Tape.applyAll(op, x);
    if (keep) {
      return new Selection(both.get(0), both.get(1));
    }
    long[] sizes = x.shape().without(op.dim()).sizes();
    return new Selection(Reshape.of(both.get(0), sizes), Reshape.of(both.get(1), sizes));
  }

  @Override
  default List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec x = in.getFirst();
    Expect.f32(name(), "x", x);
    if (x.shape().dim(dim()) == 0) {
      throw new ShapeException(name() + ": x: nothing to choose from in " + x);
    }
    Shape y = x.shape().with(dim(), 1);
    return List.of(TensorSpec.f32(y), new TensorSpec(y, DType.I64));
  }

  @Override
  default boolean keepsInput(int i) {
    return false;
  }

  @Override
  default boolean keepsOutput(int i) {
    return i == 1;
  }

  @Override
  default void backward(Backward c) {
    if (!c.arrived(0)) {
      return;
    }
    Buffer dx = c.gradient(0);
    if (dx != null) {
      Shape shape = c.inSpec(0).shape();
      ReduceKernels.Problem p = Dims.problem(shape, dim(), dim() + 1);
      c.kernels().copy().fill(DType.F32, shape.elements(), 0, dx);
      c.kernels()
          .copy()
          .scatterAdd(
              new CopyKernels.Indexed(p.outer(), p.size(), 1, p.inner()),
              c.gradOutput(0),
              c.output(1),
              dx);
    }
  }
}
