package dev.viridian.engine.ops;

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
 * The mean of each window of a channels-last map: x [n, h, w, c] F32, y [n, h′, w′, c].
 *
 * @param ceil whether a last window that only begins on the padded map counts
 * @param countPadding whether padding counts in the divisor
 */
public record AveragePool2d(int kernel, int stride, int padding, boolean ceil, boolean countPadding)
    implements ComputeOp {
  /** Means without padding. */
  public static Tensor of(Tensor x, int kernel, int stride) {
    return of(x, kernel, stride, 0, false, true);
  }

  /** Means with all options. */
  public static Tensor of(
      Tensor x, int kernel, int stride, int padding, boolean ceil, boolean countPadding) {
    return Tape.apply(new AveragePool2d(kernel, stride, padding, ceil, countPadding), x);
  }

  private ResampleKernels.Pool problem(TensorSpec x) {
    return Pooling.problem(name(), x, kernel, stride, padding, ceil);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    ResampleKernels.Pool p = problem(in.getFirst());
    return List.of(TensorSpec.f32(p.n(), p.outH(), p.outW(), p.c()));
  }

  @Override
  public boolean keepsInput(int i) {
    return false;
  }

  @Override
  public void forward(Forward c) {
    ResampleKernels.Pool p = problem(c.in(0).spec());
    c.kernels().resample().averagePool(p, countPadding, c.input(0), c.output(0));
  }

  @Override
  public void backward(Backward c) {
    Buffer dx = c.gradient(0);
    if (dx != null) {
      ResampleKernels.Pool p = problem(c.inSpec(0));
      c.kernels().resample().averagePoolBackward(p, countPadding, c.gradOutput(0), dx);
    }
  }
}
