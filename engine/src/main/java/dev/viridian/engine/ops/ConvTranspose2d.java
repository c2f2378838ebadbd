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
import dev.viridian.kernels.BroadcastProblem;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PointwiseKernels;
import dev.viridian.kernels.ReduceKernels;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The transpose of {@link Conv2d}: x [n, h, w, in] F32, weight [in, kh, kw, out / groups], bias
 * [out], y [n, (h−1)·stride − 2·padding + dilation·(kh−1) + outputPadding + 1, …, out].
 */
public record ConvTranspose2d(
    int strideH,
    int strideW,
    int paddingH,
    int paddingW,
    int outputPaddingH,
    int outputPaddingW,
    int dilationH,
    int dilationW,
    int groups)
    implements ComputeOp {

  /** Applies a weight and, unless it is null, a bias. */
  public Tensor apply(Tensor x, Tensor weight, @Nullable Tensor bias) {
    return bias == null ? Tape.apply(this, x, weight) : Tape.apply(this, x, weight, bias);
  }

  /** The convolution from y to x that this one transposes. */
  private ConvProblem transposed(Shape x, TensorSpec w) {
    int kh = w.shape().size(1);
    int kw = w.shape().size(2);
    int outH = (x.size(1) - 1) * strideH - 2 * paddingH + dilationH * (kh - 1) + outputPaddingH + 1;
    int outW = (x.size(2) - 1) * strideW - 2 * paddingW + dilationW * (kw - 1) + outputPaddingW + 1;
    return new ConvProblem(
        x.size(0),
        outH,
        outW,
        w.shape().size(3) * groups,
        x.size(3),
        kh,
        kw,
        strideH,
        strideW,
        paddingH,
        paddingH,
        paddingW,
        paddingW,
        dilationH,
        dilationW,
        groups,
        w.dtype(),
        false,
        DType.F32,
        Activation.NONE);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec x = in.get(0);
    TensorSpec w = in.get(1);
    if (x.dtype() != DType.F32 || x.shape().rank() != 4) {
      throw new ShapeException("ConvTranspose2d: x: expected F32 [n, h, w, in], got " + x);
    }
    if (!w.dtype().isFloat() || w.shape().rank() != 4 || w.shape().dim(0) != x.shape().dim(3)) {
      throw new ShapeException(
          "ConvTranspose2d: weight: expected ["
              + x.shape().dim(3)
              + ", kh, kw, out / groups], got "
              + w);
    }
    ConvProblem p;
    try {
      p = transposed(x.shape(), w);
    } catch (IllegalArgumentException e) {
      throw new ShapeException("ConvTranspose2d: x " + x + ", weight " + w + ": " + e.getMessage());
    }
    if (in.size() > 2 && !in.get(2).equals(TensorSpec.f32(p.c()))) {
      throw new ShapeException(
          "ConvTranspose2d: bias: expected F32 [" + p.c() + "], got " + in.get(2));
    }
    return List.of(TensorSpec.f32(p.n(), p.h(), p.w(), p.c()));
  }

  @Override
  public void forward(Forward c) {
    ConvProblem p = transposed(c.in(0).shape(), c.in(1).spec());
    c.kernels().conv().backwardData(p, c.input(0), c.input(1), c.output(0));
    if (c.inputs() > 2) {
      BroadcastProblem sum =
          new BroadcastProblem(
              c.out(0).shape().toList(), c.out(0).layout().strideList(), List.of(0L, 0L, 0L, 1L));
      c.kernels()
          .pointwise()
          .binary(PointwiseKernels.Binary.ADD, sum, c.output(0), c.input(2), c.output(0));
    }
  }

  @Override
  public boolean keepsInput(int i) {
    return i < 2;
  }

  @Override
  public void backward(Backward c) {
    ConvProblem p = transposed(c.inSpec(0).shape(), c.inSpec(1));
    Buffer dy = c.gradOutput(0);
    Buffer dx = c.gradient(0);
    if (dx != null) {
      c.kernels().conv().forward(p, dy, c.input(1), null, dx);
    }
    Buffer dw = c.gradient(1);
    if (dw != null) {
      c.kernels().conv().backwardFilter(p, dy, c.input(0), dw);
    }
    Buffer db = c.gradient(2);
    if (db != null) {
      int rows = Math.multiplyExact(Math.multiplyExact(p.n(), p.h()), p.w());
      c.kernels().reduce().sum(new ReduceKernels.Problem(1, rows, p.c()), 1f, dy, db);
    }
  }
}
