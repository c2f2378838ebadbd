package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PointwiseKernels;
import dev.viridian.kernels.ReduceKernels;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/**
 * {@code y = x[..., :n] · gelu(x[..., n:])} of x, or of x + bias: x [..., 2n] F32, or 16 bits where
 * the device has such activations, bias [2n] F32, F16 or BF16, y [..., n] of x's type.
 */
public record Geglu() implements ComputeOp {
  /** Gates the first half by the second. */
  public static Tensor of(Tensor x) {
    return Tape.apply(new Geglu(), x);
  }

  /** The same of x + bias: in one pass of 16 bits. */
  public static Tensor of(Tensor x, Tensor bias) {
    return Tape.apply(new Geglu(), x, bias);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec x = in.getFirst();
    Expect.activation(name(), "x", x, 1);
    if (x.shape().dim(-1) % 2 != 0) {
      throw new ShapeException("Geglu: x: expected an even last dimension, got " + x);
    }
    if (in.size() > 1) {
      Expect.parameter(name(), "bias", Shape.of(x.shape().dim(-1)), in.get(1));
    }
    return List.of(new TensorSpec(x.shape().with(-1, x.shape().dim(-1) / 2), x.dtype()));
  }

  /** x, with its bias if it has one. */
  private static Tensor sum(Tensor x, Tensor bias) {
    return Add.of(x, Cast.of(bias, DType.F32));
  }

  @Override
  public void forward(Forward c) {
    Shape y = c.out(0).shape();
    PointwiseKernels kernels = c.kernels(0).pointwise();
    long rows = LastDim.rows(y);
    if (c.inputs() == 1) {
      kernels.geglu(rows, y.size(-1), c.input(0), c.output(0));
    } else if (c.in(0).dtype() == DType.F32) {
      Tensor x = sum(c.in(0), c.in(1));
      kernels.geglu(rows, y.size(-1), x.buffer(name()), c.output(0));
    } else {
      kernels.geglu(rows, y.size(-1), c.in(1).dtype(), c.input(1), c.input(0), c.output(0));
    }
  }

  @Override
  public void backward(Backward c) {
    Shape y = c.gradOut(0).shape();
    int rows = Math.toIntExact(LastDim.rows(y));
    int cols = y.size(-1);
    boolean biased = c.inputs() > 1;
    Buffer dx = c.gradient(0);
    Buffer db = biased ? c.gradient(1) : null;
    if (dx == null && db == null) {
      return;
    }
    Buffer x = biased ? sum(c.in(0), c.in(1)).buffer(name()) : c.input(0);
    Buffer to = dx != null ? dx : Tensor.empty(c.device(), c.inSpec(0)).buffer(name());
    c.kernels().pointwise().gegluBackward(rows, cols, x, c.gradOutput(0), to);
    if (db != null) {
      c.kernels().reduce().sum(new ReduceKernels.Problem(1, rows, 2 * cols), 1f, to, db);
    }
  }
}
