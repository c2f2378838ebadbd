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
 * Chosen indices of one dimension: {@code y[…, i, …] = x[…, index[i], …]}. x F32, F16 or BF16,
 * index I64 [count], y F32.
 */
public record IndexSelect(int dim) implements ComputeOp {
  /** Chooses; an index may come several times. */
  public static Tensor of(Tensor x, int dim, Tensor index) {
    return Tape.apply(new IndexSelect(dim), x, index);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec x = in.get(0);
    TensorSpec index = in.get(1);
    if (!x.dtype().isFloat()) {
      throw new ShapeException("IndexSelect: x: expected floating-point numbers, got " + x);
    }
    if (index.dtype() != DType.I64 || index.shape().rank() != 1) {
      throw new ShapeException("IndexSelect: index: expected I64 [count], got " + index);
    }
    return List.of(TensorSpec.f32(x.shape().with(dim, index.shape().dim(0))));
  }

  @Override
  public boolean keepsInput(int i) {
    return i == 1;
  }

  @Override
  public void forward(Forward c) {
    Tensor x = c.in(0);
    CopyKernels.Indexed p = Regions.along(x.shape(), x.shape().axis(dim), c.in(1).elements());
    c.kernels().copy().select(p, x.dtype(), c.input(0), c.input(1), c.output(0));
  }

  @Override
  public void backward(Backward c) {
    Buffer dx = c.gradient(0);
    if (dx != null) {
      Shape shape = c.inSpec(0).shape();
      CopyKernels.Indexed p = Regions.along(shape, shape.axis(dim), c.inSpec(1).shape().elements());
      c.kernels().copy().fill(DType.F32, shape.elements(), 0, dx);
      c.kernels().copy().selectAdd(p, c.gradOutput(0), c.input(1), dx);
    }
  }
}
