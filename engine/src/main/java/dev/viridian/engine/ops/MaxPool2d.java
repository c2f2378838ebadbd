package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.ResampleKernels;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/**
 * The largest value of each window of a channels-last map, and where it lies: x [n, h, w, c] F32, y
 * [n, h′, w′, c] F32, index likewise I64 ({@code row · w + column}). Padding counts as −∞; of equal
 * values the first in row order wins and gets the whole gradient.
 *
 * @param ceil whether a last window that only begins on the padded map counts
 */
public record MaxPool2d(int kernel, int stride, int padding, boolean ceil) implements ComputeOp {
  /** The largest values. */
  public static Tensor of(Tensor x, int kernel, int stride, int padding) {
    try (MemoryScope scope = MemoryScope.open()) {
      return scope.keep(withIndex(x, kernel, stride, padding, false).getFirst());
    }
  }

  /** The largest values, then where they lie. */
  public static List<Tensor> withIndex(
      Tensor x, int kernel, int stride, int padding, boolean ceil) {
    return Tape.applyAll(new MaxPool2d(kernel, stride, padding, ceil), x);
  }

  private ResampleKernels.Pool problem(TensorSpec x) {
    return Pooling.problem(name(), x, kernel, stride, padding, ceil);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    ResampleKernels.Pool p = problem(in.getFirst());
    Shape out = Shape.of(p.n(), p.outH(), p.outW(), p.c());
    return List.of(TensorSpec.f32(out), new TensorSpec(out, DType.I64));
  }

  @Override
  public boolean keepsInput(int i) {
    return false;
  }

  @Override
  public boolean keepsOutput(int i) {
    return i == 1;
  }

  @Override
  public void forward(Forward c) {
    c.kernels().resample().maxPool(problem(c.in(0).spec()), c.input(0), c.output(0), c.output(1));
  }

  @Override
  public void backward(Backward c) {
    Buffer dx = c.gradient(0);
    if (dx != null) {
      c.kernels()
          .resample()
          .maxPoolBackward(problem(c.inSpec(0)), c.output(1), c.gradOutput(0), dx);
    }
  }
}
