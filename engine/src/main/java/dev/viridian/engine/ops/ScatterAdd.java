package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/**
 * Adds values at places that an index gives: {@code y = x; y[…, index[…, i, …], …] += source[…, i,
 * …]} along one dimension, in order of i. x and source F32, index I64 in the shape of the source,
 * whose other sizes are x's.
 */
public record ScatterAdd(int dim) implements ComputeOp {
  /** x plus the values; x itself stays as it is. */
  public static Tensor of(Tensor x, int dim, Tensor index, Tensor source) {
    return Tape.apply(new ScatterAdd(dim), x, index, source);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec x = in.get(0);
    TensorSpec index = in.get(1);
    TensorSpec source = in.get(2);
    if (x.dtype() != DType.F32) {
      throw new ShapeException("ScatterAdd: x: expected F32, got " + x);
    }
    if (index.dtype() != DType.I64
        || index.shape().rank() != x.shape().rank()
        || !index.shape().with(dim, 0).equals(x.shape().with(dim, 0))) {
      throw new ShapeException(
          "ScatterAdd: index: expected I64 like "
              + x
              + " but for dimension "
              + dim
              + ", got "
              + index);
    }
    if (source.dtype() != DType.F32 || !source.shape().equals(index.shape())) {
      throw new ShapeException(
          "ScatterAdd: source: expected F32 " + index.shape() + ", got " + source);
    }
    return List.of(x);
  }

  @Override
  public boolean readsStrides(int i) {
    return i == 0;
  }

  @Override
  public boolean keepsInput(int i) {
    return i == 1;
  }

  @Override
  public void forward(Forward c) {
    Regions.write(c.kernels(), c.in(0), c.out(0).layout(), c.output(0));
    int axis = c.in(0).shape().axis(dim);
    CopyKernels.Indexed p = Regions.along(c.in(0).shape(), axis, c.in(1).shape().dim(axis));
    c.kernels().copy().scatterAdd(p, c.input(2), c.input(1), c.output(0));
  }

  @Override
  public void backward(Backward c) {
    c.give(0, c.gradOut(0));
    Buffer dsource = c.gradient(2);
    if (dsource != null) {
      Shape shape = c.inSpec(0).shape();
      int axis = shape.axis(dim);
      CopyKernels.Indexed p = Regions.along(shape, axis, c.inSpec(1).shape().dim(axis));
      c.kernels().copy().gather(p, c.gradOutput(0), c.input(1), dsource);
    }
  }
}
