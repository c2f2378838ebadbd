package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.PointwiseKernels;
import dev.viridian.kernels.PointwiseKernels.Unary;
import dev.viridian.kernels.memory.Buffer;
import org.jspecify.annotations.Nullable;

/**
 * Batch normalisation of channels-last x F32 [..., c] by stored statistics [c]: {@code y = (x −
 * mean) / √(var + eps) · gamma + beta}. No gradient flows to the statistics.
 */
public record BatchNormInference(float eps) implements BatchNormOp {
  /** Normalises. Null parameters stand for 1 and 0. */
  public static Tensor of(
      Tensor x,
      @Nullable Tensor gamma,
      @Nullable Tensor beta,
      Tensor runningMean,
      Tensor runningVariance,
      float eps) {
    return BatchNormOp.apply(
        new BatchNormInference(eps), x, gamma, beta, runningMean, runningVariance);
  }

  @Override
  public boolean keepsInput(int i) {
    return i != 2;
  }

  @Override
  public void forward(Forward c) {
    c.kernels(0)
        .norm()
        .batchNormInference(
            problem(c.in(0).shape(), 0),
            NormBuffers.of(c),
            new NormKernels.Running(c.input(3), c.input(4)));
  }

  @Override
  public void backward(Backward c) {
    TensorSpec channels = c.inSpec(4);
    long n = channels.shape().elements();
    Buffer rstd = Tensor.empty(c.device(), channels).buffer(name());
    PointwiseKernels pointwise = c.kernels().pointwise();
    pointwise.unary(Unary.AFFINE, n, 1, eps, c.input(4), rstd);
    pointwise.unary(Unary.RSQRT, n, 0, 0, rstd, rstd);
    c.kernels()
        .norm()
        .batchNormBackward(
            problem(c.inSpec(0).shape(), 0), false, NormBuffers.of(c, null, c.input(3), rstd));
  }
}
