package dev.viridian.engine.ops;

import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.BroadcastProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PointwiseKernels;
import dev.viridian.kernels.PointwiseKernels.Binary;
import dev.viridian.kernels.ReduceKernels;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/**
 * {@code y = x + bias + residual}, what follows a product that has no bias of its own: x, residual
 * and y [..., c] F32, or 16 bits where the device has such activations, then in one pass; bias [c]
 * F32, F16 or BF16.
 */
public record BiasAdd() implements ComputeOp {
  /** The sum. */
  public static Tensor of(Tensor x, Tensor bias, Tensor residual) {
    return Tape.apply(new BiasAdd(), x, bias, residual);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec x = in.get(0);
    Expect.activation(name(), "x", x, 1);
    TensorSpec bias = in.get(1);
    if (!bias.dtype().isFloat()
        || bias.shape().rank() != 1
        || bias.shape().dim(0) != x.shape().dim(-1)) {
      throw new ShapeException("BiasAdd: bias: expected [" + x.shape().dim(-1) + "], got " + bias);
    }
    Expect.spec(name(), "residual", x, in.get(2));
    return List.of(x);
  }

  @Override
  public boolean keepsInput(int i) {
    return false;
  }

  @Override
  public void forward(Forward c) {
    Tensor x = c.in(0);
    if (x.elements() == 0) {
      return;
    }
    long rows = LastDim.rows(x.shape());
    PointwiseKernels kernels = c.kernels(0).pointwise();
    if (x.dtype() != DType.F32) {
      kernels.addBias(
          rows, x.size(-1), c.in(1).dtype(), c.input(0), c.input(1), c.input(2), c.output(0));
      return;
    }
    List<Long> shape = List.of(rows, x.shape().dim(-1));
    List<Long> whole = List.of(x.shape().dim(-1), 1L);
    Buffer bias = Cast.of(c.in(1), DType.F32).buffer(name());
    kernels.binary(
        Binary.ADD,
        new BroadcastProblem(shape, whole, List.of(0L, 1L)),
        c.input(0),
        bias,
        c.output(0));
    kernels.binary(
        Binary.ADD,
        new BroadcastProblem(shape, whole, whole),
        c.output(0),
        c.input(2),
        c.output(0));
  }

  @Override
  public void backward(Backward c) {
    for (int i : new int[] {0, 2}) {
      if (c.wants(i)) {
        c.give(i, c.gradOut(0));
      }
    }
    Buffer db = c.gradient(1);
    if (db != null) {
      TensorSpec x = c.inSpec(0);
      int rows = Math.toIntExact(LastDim.rows(x.shape()));
      c.kernels()
          .reduce()
          .sum(new ReduceKernels.Problem(1, rows, x.shape().size(-1)), 1f, c.gradOutput(0), db);
    }
  }
}
