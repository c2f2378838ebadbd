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
 * Windows added up into a map (col2im), the transposed map of {@link Unfold}: x [n, h′, w′,
 * kernelH, kernelW, c] F32, y [n, h, w, c].
 *
 * @param h rows of the map
 * @param w columns of the map
 */
public record Fold(int h, int w, Window window) implements ComputeOp {
  /** Adds up. */
  public static Tensor of(Tensor x, int h, int w, Window window) {
    return Tape.apply(new Fold(h, w, window), x);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec x = in.getFirst();
    boolean fits = x.dtype() == DType.F32 && x.shape().rank() == 6;
    if (fits) {
      long[] sizes = x.shape().sizes();
      fits =
          sizes[1] == window.outH(name(), h)
              && sizes[2] == window.outW(name(), w)
              && sizes[3] == window.kernelH()
              && sizes[4] == window.kernelW();
    }
    if (!fits) {
      throw new ShapeException(
          "Fold: x: expected F32 [n, "
              + window.outH(name(), h)
              + ", "
              + window.outW(name(), w)
              + ", "
              + window.kernelH()
              + ", "
              + window.kernelW()
              + ", c], got "
              + x);
    }
    return List.of(TensorSpec.f32(x.shape().dim(0), h, w, x.shape().dim(5)));
  }

  @Override
  public boolean keepsInput(int i) {
    return false;
  }

  @Override
  public void forward(Forward c) {
    fold(c.kernels().copy(), window, c.in(0).shape(), c.input(0), c.out(0).shape(), c.output(0));
  }

  @Override
  public void backward(Backward c) {
    Buffer dx = c.gradient(0);
    if (dx != null) {
      Unfold.unfold(
          c.kernels().copy(),
          window,
          c.gradOut(0).shape(),
          c.gradOutput(0),
          c.inSpec(0).shape(),
          dx);
    }
  }

  /** {@code map =} the sum of the windows. */
  static void fold(CopyKernels copy, Window window, Shape unfolded, Buffer x, Shape map, Buffer y) {
    copy.fill(DType.F32, map.elements(), 0, y);
    window.visit(
        map,
        unfolded,
        (shape, to, toStrides, at, strides) ->
            copy.copyAdd(
                new CopyKernels.Copy(shape, DType.F32, at, strides, DType.F32, to, toStrides),
                x,
                y));
  }
}
