package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.ResampleKernels;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/**
 * Resizing of channels-last maps: x [n, h, w, c] F32, y [n, outH, outW, c].
 *
 * @param scaleH source pixels per output pixel for the index formula; 0 for h / outH
 * @param alignCorners the corner pixels' centres stay where they are (BILINEAR and BICUBIC)
 * @param antialias the filter is stretched when shrinking, as Pillow does (BILINEAR and BICUBIC)
 */
public record Resize(
    int outH,
    int outW,
    ResampleKernels.Mode mode,
    double scaleH,
    double scaleW,
    boolean alignCorners,
    boolean antialias)
    implements ComputeOp {

  /** To a size. */
  public static Tensor of(Tensor x, int outH, int outW, ResampleKernels.Mode mode) {
    return of(x, outH, outW, mode, false, false);
  }

  /** To a size, with all options. */
  public static Tensor of(
      Tensor x,
      int outH,
      int outW,
      ResampleKernels.Mode mode,
      boolean alignCorners,
      boolean antialias) {
    return Tape.apply(new Resize(outH, outW, mode, 0, 0, alignCorners, antialias), x);
  }

  /**
   * By a factor: the size is {@code floor(size · factor)}, and source pixels are found by 1 /
   * factor, which differs from a resize to that size where the product is not whole.
   */
  public static Tensor byFactor(
      Tensor x, double factor, ResampleKernels.Mode mode, boolean alignCorners, boolean antialias) {
    if (!(factor > 0) || x.shape().rank() != 4) {
      throw new ShapeException(
          "Resize: expected [n, h, w, c] and a factor above 0, got " + x.spec() + " and " + factor);
    }
    int outH = (int) Math.floor(x.size(1) * factor);
    int outW = (int) Math.floor(x.size(2) * factor);
    double scale = mode == ResampleKernels.Mode.AREA ? 0 : 1 / factor;
    return Tape.apply(new Resize(outH, outW, mode, scale, scale, alignCorners, antialias), x);
  }

  private ResampleKernels.Resize problem(Shape x) {
    return new ResampleKernels.Resize(
        x.size(0),
        x.size(1),
        x.size(2),
        x.size(3),
        outH,
        outW,
        mode,
        scaleH == 0 ? (double) x.size(1) / outH : scaleH,
        scaleW == 0 ? (double) x.size(2) / outW : scaleW,
        alignCorners,
        antialias);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec x = in.getFirst();
    if (!x.dtype().isFloat() || x.shape().rank() != 4 || x.shape().range(1, 4) == 0) {
      throw new ShapeException("Resize: x: expected F32 [n, h, w, c], got " + x);
    }
    if (outH < 1 || outW < 1) {
      throw new ShapeException("Resize: " + x + " to " + outH + " by " + outW);
    }
    Shape y = Shape.of(x.shape().dim(0), outH, outW, x.shape().dim(3));
    return List.of(new TensorSpec(y, x.dtype()));
  }

  @Override
  public boolean keepsInput(int i) {
    return false;
  }

  @Override
  public void forward(Forward c) {
    c.kernels(0).resample().resize(problem(c.in(0).shape()), c.input(0), c.output(0));
  }

  @Override
  public void backward(Backward c) {
    Buffer dx = c.gradient(0);
    if (dx != null) {
      c.kernels().resample().resizeBackward(problem(c.inSpec(0).shape()), c.gradOutput(0), dx);
    }
  }
}
