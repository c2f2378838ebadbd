package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/**
 * An index for each element: {@code y[…, i, …] = x[…, index[…, i, …], …]} along one dimension. x
 * F32, index I64, y in the shape of the index.
 */
public record Gather(int dim) implements ComputeOp {
  /** Gathers; in the other dimensions x may be larger than the index, and is cut to its size. */
  public static Tensor of(Tensor x, int dim, Tensor index) {
    try (MemoryScope scope = MemoryScope.open()) {
      return scope.keep(Tape.apply(new Gather(dim), cut(x, dim, index), index));
    }
  }

  /** x cut to the index's size in every dimension but {@code dim}. */
  private static Tensor cut(Tensor x, int dim, Tensor index) {
    if (x.shape().rank() != index.shape().rank()) {
      return x; // refused by infer
    }
    Tensor part = x;
    for (int d = 0; d < x.shape().rank(); d++) {
      long size = index.shape().dim(d);
      if (d != x.shape().axis(dim) && size < x.shape().dim(d)) {
        part = Slice.of(part, d, 0, size);
      }
    }
    return part;
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec x = in.get(0);
    TensorSpec index = in.get(1);
    if (x.dtype() != DType.F32) {
      throw new ShapeException("Gather: x: expected F32, got " + x);
    }
    if (index.dtype() != DType.I64
        || index.shape().rank() != x.shape().rank()
        || !index.shape().with(dim, 0).equals(x.shape().with(dim, 0))) {
      throw new ShapeException(
          "Gather: index: expected I64 like " + x + " but for dimension " + dim + ", got " + index);
    }
    return List.of(TensorSpec.f32(index.shape()));
  }

  @Override
  public boolean keepsInput(int i) {
    return i == 1;
  }

  @Override
  public void forward(Forward c) {
    int axis = c.in(0).shape().axis(dim);
    CopyKernels.Indexed p = Regions.along(c.in(0).shape(), axis, c.in(1).shape().dim(axis));
    c.kernels().copy().gather(p, c.input(0), c.input(1), c.output(0));
  }

  @Override
  public void backward(Backward c) {
    Buffer dx = c.gradient(0);
    if (dx != null) {
      Shape shape = c.inSpec(0).shape();
      int axis = shape.axis(dim);
      CopyKernels.Indexed p = Regions.along(shape, axis, c.inSpec(1).shape().dim(axis));
      c.kernels().copy().fill(DType.F32, shape.elements(), 0, dx);
      c.kernels().copy().scatterAdd(p, c.gradOutput(0), c.input(1), dx);
    }
  }
}
