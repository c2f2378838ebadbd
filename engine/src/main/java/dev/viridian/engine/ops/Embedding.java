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
 * Rows of a table: {@code y[…, ·] = weight[index[…], ·]}. weight [rows, width] F32, F16 or BF16,
 * index I64 of any shape, y [index's shape, width] F32.
 */
public record Embedding() implements ComputeOp {
  /** Looks up. */
  public static Tensor of(Tensor weight, Tensor index) {
    return Tape.apply(new Embedding(), weight, index);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec weight = in.get(0);
    TensorSpec index = in.get(1);
    if (!weight.dtype().isFloat() || weight.shape().rank() != 2) {
      throw new ShapeException(
          "Embedding: weight: expected floating-point [rows, width], got " + weight);
    }
    if (index.dtype() != DType.I64) {
      throw new ShapeException("Embedding: index: expected I64, got " + index);
    }
    int rank = index.shape().rank();
    return List.of(TensorSpec.f32(index.shape().insert(rank, weight.shape().dim(1))));
  }

  @Override
  public boolean keepsInput(int i) {
    return i == 1;
  }

  @Override
  public void forward(Forward c) {
    CopyKernels.Indexed p = Regions.along(c.in(0).shape(), 0, c.in(1).elements());
    c.kernels().copy().select(p, c.in(0).dtype(), c.input(0), c.input(1), c.output(0));
  }

  @Override
  public void backward(Backward c) {
    Buffer dweight = c.gradient(0);
    if (dweight != null) {
      Shape shape = c.inSpec(0).shape();
      CopyKernels.Indexed p = Regions.along(shape, 0, c.inSpec(1).shape().elements());
      c.kernels().copy().fill(DType.F32, shape.elements(), 0, dweight);
      c.kernels().copy().selectAdd(p, c.gradOutput(0), c.input(1), dweight);
    }
  }
}
