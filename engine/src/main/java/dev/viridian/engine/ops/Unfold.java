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
 * Every position of a window written out (im2col): x [n, h, w, c] F32, y [n, h′, w′, kernelH,
 * kernelW, c] with {@code y[n, i, j, a, b, ·] = x[n, i·strideH + a·dilationH − padH, …, ·]}, zero
 * beyond the border.
 */
public record Unfold(Window window) implements ComputeOp {
  /** Writes out. */
  public static Tensor of(Tensor x, Window window) {
    return Tape.apply(new Unfold(window), x);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec x = in.getFirst();
    if (x.dtype() != DType.F32 || x.shape().rank() != 4) {
      throw new ShapeException("Unfold: x: expected F32 [n, h, w, c], got " + x);
    }
    return List.of(
        TensorSpec.f32(
            x.shape().dim(0),
            window.outH(name(), x.shape().dim(1)),
            window.outW(name(), x.shape().dim(2)),
            window.kernelH(),
            window.kernelW(),
            x.shape().dim(3)));
  }

  @Override
  public boolean keepsInput(int i) {
    return false;
  }

  @Override
  public void forward(Forward c) {
    unfold(c.kernels().copy(), window, c.in(0).shape(), c.input(0), c.out(0).shape(), c.output(0));
  }

  @Override
  public void backward(Backward c) {
    Buffer dx = c.gradient(0);
    if (dx != null) {
      Fold.fold(
          c.kernels().copy(),
          window,
          c.gradOut(0).shape(),
          c.gradOutput(0),
          c.inSpec(0).shape(),
          dx);
    }
  }

  /** {@code unfolded =} the windows of the map. */
  static void unfold(
      CopyKernels copy, Window window, Shape map, Buffer x, Shape unfolded, Buffer y) {
    copy.fill(DType.F32, unfolded.elements(), 0, y);
    window.visit(
        map,
        unfolded,
        (shape, at, strides, to, toStrides) ->
            copy.copy(
                new CopyKernels.Copy(shape, DType.F32, at, strides, DType.F32, to, toStrides),
                x,
                y));
  }
}
