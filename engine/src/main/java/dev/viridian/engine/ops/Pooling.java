package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.TensorSpec;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.ResampleKernels;
import java.util.List;

/** Sizes of pooled maps. */
final class Pooling {
  private Pooling() {}

  /** The kernels' problem for x [n, h, w, c]; says what is wrong otherwise. */
  static ResampleKernels.Pool problem(
      String op, TensorSpec x, int kernel, int stride, int padding, boolean ceil) {
    if (x.dtype() != DType.F32 || x.shape().rank() != 4 || x.shape().range(1, 4) == 0) {
      throw new ShapeException(op + ": x: expected F32 [n, h, w, c], got " + x);
    }
    if (kernel < 1 || stride < 1 || padding < 0 || padding > kernel / 2) {
      throw new ShapeException(
          op
              + ": kernel and stride must be at least 1 and padding at most half a kernel, got "
              + List.of(kernel, stride, padding));
    }
    Shape s = x.shape();
    return new ResampleKernels.Pool(
        s.size(0),
        s.size(1),
        s.size(2),
        s.size(3),
        out(op, s.size(1), kernel, stride, padding, ceil),
        out(op, s.size(2), kernel, stride, padding, ceil),
        kernel,
        stride,
        padding);
  }

  /** A last window that would begin beyond the map and its padding before it is left out. */
  private static int out(String op, int size, int kernel, int stride, int padding, boolean ceil) {
    int room = size + 2 * padding - kernel;
    if (room < 0 && !(ceil && room + stride > 0)) {
      throw new ShapeException(
          op + ": a window of " + kernel + " does not fit into " + size + " padded by " + padding);
    }
    int out = Math.floorDiv(room + (ceil ? stride - 1 : 0), stride) + 1;
    return ceil && (out - 1) * stride >= size + padding ? out - 1 : out;
  }
}
