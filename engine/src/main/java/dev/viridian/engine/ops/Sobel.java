package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.ImageKernels;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/**
 * Sobel responses of each channel of x F32 [n, h, w, c], by cross-correlation with {@code Sx =
 * [[−1,0,1],[−2,0,2],[−1,0,1]]} and {@code Sy = Sxᵀ}; results of x's shape.
 *
 * @param border what lies beyond the edge; the training losses use zeros
 */
public record Sobel(ImageKernels.Border border) implements ComputeOp {
  /**
   * Both responses.
   *
   * @param x response to Sx: change along a row
   * @param y response to Sy: change along a column
   */
  public record Responses(Tensor x, Tensor y) {}

  /** Both responses. */
  public static Responses of(Tensor x, ImageKernels.Border border) {
    List<Tensor> both = Tape.applyAll(new Sobel(border), x);
    return new Responses(both.get(0), both.get(1));
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec x = in.getFirst();
    Expect.f32(name(), "x", x);
    Shape s = x.shape();
    if (s.rank() != 4 || s.range(1, 4) == 0) {
      throw new ShapeException("Sobel: x: expected [n, h, w, c], got " + x);
    }
    if (border == ImageKernels.Border.REFLECT && (s.dim(1) < 2 || s.dim(2) < 2)) {
      throw new ShapeException("Sobel: x: mirroring takes two rows and columns, got " + x);
    }
    return List.of(x, x);
  }

  private static ImageKernels.Map map(Shape s) {
    return new ImageKernels.Map(s.size(0), s.size(1), s.size(2), s.size(3));
  }

  @Override
  public boolean keepsInput(int i) {
    return false;
  }

  @Override
  public void forward(Forward c) {
    c.kernels().image().sobel(map(c.in(0).shape()), border, c.input(0), c.output(0), c.output(1));
  }

  @Override
  public void backward(Backward c) {
    Buffer dx = c.gradient(0);
    if (dx != null) {
      Shape shape = c.inSpec(0).shape();
      c.kernels()
          .image()
          .sobelBackward(map(shape), border, arrived(c, 0, shape), arrived(c, 1, shape), dx);
    }
  }

  private static Buffer arrived(Backward c, int i, Shape shape) {
    return c.arrived(i) ? c.gradOutput(i) : Tensors.zeros(c.device(), shape).buffer("Sobel");
  }
}
