package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ConvKernels;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.ReduceKernels;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Cross-correlation of channels-last maps: x [n, h, w, c] F32, or 16 bits where the device has such
 * activations, weight [out, kh, kw, c / groups] and bias [out] F32, F16 or BF16, y [n, h′, w′, out]
 * of x's type.
 */
public record Conv2d(
    int strideH,
    int strideW,
    int padTop,
    int padBottom,
    int padLeft,
    int padRight,
    int dilationH,
    int dilationW,
    int groups)
    implements ComputeOp {

  /** The same stride both ways and the same padding all round. */
  public static Tensor of(Tensor x, Tensor weight, @Nullable Tensor bias, int stride, int padding) {
    return new Conv2d(stride, stride, padding, padding, padding, padding, 1, 1, 1)
        .apply(x, weight, bias);
  }

  /** Applies a weight and, unless it is null, a bias. */
  public Tensor apply(Tensor x, Tensor weight, @Nullable Tensor bias) {
    return bias == null ? Tape.apply(this, x, weight) : Tape.apply(this, x, weight, bias);
  }

  ConvProblem problem(Shape x, TensorSpec w, @Nullable TensorSpec bias) {
    return new ConvProblem(
        x.size(0),
        x.size(1),
        x.size(2),
        x.size(3),
        w.shape().size(0),
        w.shape().size(1),
        w.shape().size(2),
        strideH,
        strideW,
        padTop,
        padBottom,
        padLeft,
        padRight,
        dilationH,
        dilationW,
        groups,
        w.dtype(),
        bias != null,
        bias == null ? DType.F32 : bias.dtype(),
        Activation.NONE);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec x = in.get(0);
    TensorSpec w = in.get(1);
    if (!x.dtype().isFloat() || x.shape().rank() != 4) {
      throw new ShapeException("Conv2d: x: expected F32 [n, h, w, c], got " + x);
    }
    if (!w.dtype().isFloat()
        || w.shape().rank() != 4
        || w.shape().dim(3) * groups != x.shape().dim(3)) {
      throw new ShapeException(
          "Conv2d: weight: expected [out, kh, kw, "
              + x.shape().dim(3)
              + " / "
              + groups
              + "], got "
              + w);
    }
    TensorSpec bias = in.size() > 2 ? in.get(2) : null;
    if (bias != null && !bias.shape().equals(Shape.of(w.shape().dim(0)))) {
      throw new ShapeException("Conv2d: bias: expected [" + w.shape().dim(0) + "], got " + bias);
    }
    ConvProblem p;
    try {
      p = problem(x.shape(), w, bias);
    } catch (IllegalArgumentException e) {
      throw new ShapeException("Conv2d: x " + x + ", weight " + w + ": " + e.getMessage());
    }
    Shape y = Shape.of(p.n(), p.outH(), p.outW(), p.outC());
    return List.of(new TensorSpec(y, x.dtype()));
  }

  @Override
  public void forward(Forward c) {
    ConvProblem p =
        problem(c.in(0).shape(), c.in(1).spec(), c.inputs() > 2 ? c.in(2).spec() : null);
    ConvKernels kernels = c.kernels(0).conv();
    if (c.recording()) {
      kernels.forward(p, c.input(0), c.input(1), c.optionalInput(2), c.output(0));
    } else {
      kernels.infer(p, c.input(0), c.input(1), c.optionalInput(2), c.output(0));
    }
  }

  @Override
  public boolean keepsInput(int i) {
    return i < 2;
  }

  @Override
  public void backward(Backward c) {
    ConvProblem p = problem(c.inSpec(0).shape(), c.inSpec(1), null);
    Buffer dy = c.gradOutput(0);
    Buffer dx = c.gradient(0);
    if (dx != null) {
      c.kernels().conv().backwardData(p, dy, c.input(1), dx);
    }
    Buffer dw = c.gradient(1);
    if (dw != null) {
      c.kernels().conv().backwardFilter(p, c.input(0), dy, dw);
    }
    Buffer db = c.gradient(2);
    if (db != null) {
      int rows = Math.multiplyExact(Math.multiplyExact(p.n(), p.outH()), p.outW());
      c.kernels().reduce().sum(new ReduceKernels.Problem(1, rows, p.outC()), 1f, dy, db);
    }
  }
}
