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
import java.util.ArrayList;
import java.util.List;

/**
 * Borders round channels-last maps: x [n, h, w, c] F32, y [n, top + h + bottom, left + w + right,
 * c]. Negative widths cut.
 *
 * @param value of the border in mode CONSTANT
 */
public record Pad(int top, int bottom, int left, int right, Mode mode, float value)
    implements ComputeOp {
  /** What the border holds. */
  public enum Mode {
    /** One value. */
    CONSTANT,
    /** The map mirrored, its edge not repeated; the border is narrower than the map. */
    REFLECT,
    /** The edge again. */
    REPLICATE
  }

  /** A border of zeros. */
  public static Tensor of(Tensor x, int top, int bottom, int left, int right) {
    return of(x, top, bottom, left, right, Mode.CONSTANT, 0);
  }

  /** A border of any kind. */
  public static Tensor of(
      Tensor x, int top, int bottom, int left, int right, Mode mode, float value) {
    return Tape.apply(new Pad(top, bottom, left, right, mode, value), x);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec x = in.getFirst();
    if (x.dtype() != DType.F32 || x.shape().rank() != 4) {
      throw new ShapeException("Pad: x: expected F32 [n, h, w, c], got " + x);
    }
    check("rows", x.shape().dim(1), top, bottom);
    check("columns", x.shape().dim(2), left, right);
    return List.of(
        TensorSpec.f32(
            x.shape().dim(0),
            x.shape().dim(1) + top + bottom,
            x.shape().dim(2) + left + right,
            x.shape().dim(3)));
  }

  private void check(String what, long size, int before, int after) {
    boolean fits = size + before + after >= 0;
    if (mode == Mode.REFLECT) {
      fits &= before < size && after < size;
    } else if (mode == Mode.REPLICATE) {
      fits &= size > 0;
    }
    if (!fits) {
      throw new ShapeException(
          "Pad: "
              + size
              + " "
              + what
              + " cannot have a border of "
              + before
              + " and "
              + after
              + " ("
              + mode
              + ")");
    }
  }

  /** {@code length} outputs from {@code target} on that come from {@code source} on, by steps. */
  private record Run(int target, int source, int length, int step) {}

  /** The runs of one axis; what none covers is constant. */
  private List<Run> runs(int size, int before, int after) {
    List<Run> runs = new ArrayList<>();
    int out = before + size + after;
    int at = 0;
    while (at < out) {
      int from = source(at - before, size);
      int step = at + 1 < out ? source(at + 1 - before, size) - from : 0;
      if (from < 0) {
        at++;
        continue;
      }
      int length = 1;
      if (step == 1 || step == -1) {
        while (at + length < out && source(at + length - before, size) == from + length * step) {
          length++;
        }
      }
      // Source −1 says that the value is constant: it does not continue a falling run.
      if (step == -1 && from - (length - 1) < 0) {
        length--;
      }
      runs.add(new Run(at, from, length, length == 1 ? 1 : step));
      at += length;
    }
    return runs;
  }

  private int source(int i, int size) {
    if (i >= 0 && i < size) {
      return i;
    }
    return switch (mode) {
      case CONSTANT -> -1;
      case REFLECT -> i < 0 ? -i : 2 * (size - 1) - i;
      case REPLICATE -> i < 0 ? 0 : size - 1;
    };
  }

  private interface Step {
    void copy(List<Long> shape, long x, List<Long> xStrides, long y, List<Long> yStrides);
  }

  /** Every block of the map and where it comes from; strides of a contiguous x and y. */
  private void blocks(Shape x, Shape y, Step step) {
    long[] xs = x.strides();
    long[] ys = y.strides();
    for (Run rows : runs(x.size(1), top, bottom)) {
      for (Run columns : runs(x.size(2), left, right)) {
        step.copy(
            List.of(x.dim(0), (long) rows.length, (long) columns.length, x.dim(3)),
            rows.source * xs[1] + columns.source * xs[2],
            List.of(xs[0], rows.step * xs[1], columns.step * xs[2], xs[3]),
            rows.target * ys[1] + columns.target * ys[2],
            List.of(ys[0], ys[1], ys[2], ys[3]));
      }
    }
  }

  @Override
  public boolean keepsInput(int i) {
    return false;
  }

  @Override
  public void forward(Forward c) {
    CopyKernels copy = c.kernels().copy();
    if (mode == Mode.CONSTANT) {
      copy.fill(DType.F32, c.out(0).elements(), value, c.output(0));
    }
    blocks(
        c.in(0).shape(),
        c.out(0).shape(),
        (shape, x, xStrides, y, yStrides) ->
            copy.copy(
                new CopyKernels.Copy(shape, DType.F32, x, xStrides, DType.F32, y, yStrides),
                c.input(0),
                c.output(0)));
  }

  @Override
  public void backward(Backward c) {
    Buffer dx = c.gradient(0);
    if (dx == null) {
      return;
    }
    CopyKernels copy = c.kernels().copy();
    copy.fill(DType.F32, c.inSpec(0).shape().elements(), 0, dx);
    blocks(
        c.inSpec(0).shape(),
        c.gradOut(0).shape(),
        (shape, x, xStrides, y, yStrides) ->
            copy.copyAdd(
                new CopyKernels.Copy(shape, DType.F32, y, yStrides, DType.F32, x, xStrides),
                c.gradOutput(0),
                dx));
  }
}
