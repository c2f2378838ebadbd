package dev.viridian.engine.ops;

import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.ReduceKernels;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code y = x Wᵀ + b}: x [..., in] F32, or 16 bits where the device has such activations, W [out,
 * in] and b [out] F32, F16 or BF16, y [..., out] of x's type.
 */
public record Linear() implements ComputeOp {
  /** Applies a weight [out, in] and, unless it is null, a bias [out]. */
  public static Tensor of(Tensor x, Tensor weight, @Nullable Tensor bias) {
    return bias == null
        ? Tape.apply(new Linear(), x, weight)
        : Tape.apply(new Linear(), x, weight, bias);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec x = in.get(0);
    TensorSpec w = in.get(1);
    if (!x.dtype().isFloat() || x.shape().rank() < 1) {
      throw new ShapeException("Linear: x: expected F32 [..., in], got " + x);
    }
    if (!w.dtype().isFloat() || w.shape().rank() != 2 || w.shape().dim(1) != x.shape().dim(-1)) {
      throw new ShapeException(
          "Linear: weight: expected [out, " + x.shape().dim(-1) + "], got " + w);
    }
    if (in.size() > 2) {
      TensorSpec b = in.get(2);
      if (!b.dtype().isFloat() || b.shape().rank() != 1 || b.shape().dim(0) != w.shape().dim(0)) {
        throw new ShapeException("Linear: bias: expected [" + w.shape().dim(0) + "], got " + b);
      }
    }
    return List.of(new TensorSpec(x.shape().with(-1, w.shape().dim(0)), x.dtype()));
  }

  private static int rows(TensorSpec x) {
    return Math.toIntExact(x.shape().range(0, x.shape().rank() - 1));
  }

  @Override
  public void forward(Forward c) {
    Tensor x = c.in(0);
    Tensor w = c.in(1);
    GemmProblem p =
        GemmProblem.of(rows(x.spec()), w.size(0), w.size(1), false, true)
            .types(x.dtype(), w.dtype());
    if (c.inputs() > 2) {
      p = p.epilogue(true, c.in(2).dtype(), Activation.NONE);
    }
    c.kernels(0).gemm().gemm(p, c.input(0), c.input(1), c.optionalInput(2), c.output(0));
  }

  @Override
  public boolean keepsInput(int i) {
    return i < 2;
  }

  @Override
  public void backward(Backward c) {
    Tensor w = c.in(1);
    int rows = rows(c.inSpec(0));
    int out = w.size(0);
    int in = w.size(1);
    Buffer dy = c.gradOutput(0);
    Buffer dx = c.gradient(0);
    if (dx != null) {
      GemmProblem p = GemmProblem.of(rows, in, out, false, false).types(DType.F32, w.dtype());
      c.kernels().gemm().gemm(p, dy, c.input(1), null, dx);
    }
    Buffer dw = c.gradient(1);
    if (dw != null) {
      c.kernels().gemm().gemm(GemmProblem.of(out, in, rows, true, false), dy, c.input(0), null, dw);
    }
    Buffer db = c.gradient(2);
    if (db != null) {
      c.kernels().reduce().sum(new ReduceKernels.Problem(1, rows, out), 1f, dy, db);
    }
  }
}
