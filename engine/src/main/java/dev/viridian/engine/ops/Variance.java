package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.kernels.PointwiseKernels.Binary;
import dev.viridian.kernels.PointwiseKernels.Unary;
import dev.viridian.kernels.ReduceKernels;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/**
 * {@code y = Σ (x − mean)² / (count − correction)} over dimensions {@code from} to before {@code
 * to}, which stay with size 1; F32, computed about the mean.
 */
public record Variance(int from, int to, int correction) implements ComputeOp {
  /**
   * The variance over some dimensions.
   *
   * @param correction 0 for the biased variance, 1 for the unbiased one
   * @param keep whether they stay, of size 1
   * @param dims none means all
   */
  public static Tensor of(Tensor x, int correction, boolean keep, int... dims) {
    return Dims.reduce(
        "Variance", x, false, keep, dims, (from, to) -> new Variance(from, to, correction));
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    Expect.f32(name(), "x", in.getFirst());
    return List.of(TensorSpec.f32(Dims.ones(in.getFirst().shape(), from, to)));
  }

  /** The mean. */
  @Override
  public List<TensorSpec> saved(List<TensorSpec> in) {
    return infer(in);
  }

  @Override
  public void forward(Forward c) {
    Buffer mean = c.saved(0);
    if (mean == null) {
      mean = Tensor.empty(c.device(), c.out(0).spec()).buffer(name());
    }
    ReduceKernels.Problem p = Dims.problem(c.in(0).shape(), from, to);
    c.kernels().reduce().variance(p, correction, c.input(0), mean, c.output(0));
  }

  /** dx = dy · 2 (x − mean) / (count − correction). */
  @Override
  public void backward(Backward c) {
    Buffer dx = c.gradient(0);
    if (dx == null) {
      return;
    }
    ReduceKernels.Problem p = Dims.problem(c.in(0).shape(), from, to);
    long n = p.outer() * p.size() * p.inner();
    Flat.binary(
        c.kernels(), Binary.SUB, p.outer(), p.size(), p.inner(), c.input(0), c.saved(0), dx);
    float scale = (float) (2.0 / Math.max(0, p.size() - correction));
    c.kernels().pointwise().unary(Unary.AFFINE, n, scale, 0, dx, dx);
    Flat.binary(c.kernels(), Binary.MUL, p.outer(), p.size(), p.inner(), dx, c.gradOutput(0), dx);
  }
}
