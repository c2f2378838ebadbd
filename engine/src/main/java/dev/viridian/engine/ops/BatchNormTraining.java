package dev.viridian.engine.ops;

import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.kernels.NormKernels;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Batch normalisation of channels-last x F32 [..., c] by the batch's own statistics over all but
 * the last dimension: {@code y = (x − mean) / √(var + eps) · gamma + beta} with the biased
 * variance. The running values [c] are replaced in place by {@code (1 − momentum) running +
 * momentum new}, with the unbiased variance; no gradient flows to them.
 *
 * @param momentum weight of the new statistics
 */
public record BatchNormTraining(float eps, float momentum) implements BatchNormOp {
  /** Normalises and moves the running values. Null parameters stand for 1 and 0. */
  public static Tensor of(
      Tensor x,
      @Nullable Tensor gamma,
      @Nullable Tensor beta,
      Tensor runningMean,
      Tensor runningVariance,
      float eps,
      float momentum) {
    return BatchNormOp.apply(
        new BatchNormTraining(eps, momentum), x, gamma, beta, runningMean, runningVariance);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    List<TensorSpec> out = BatchNormOp.super.infer(in);
    if (LastDim.rows(in.getFirst().shape()) < 2) {
      throw new ShapeException(
          "BatchNormTraining: x: one value per channel has no variance, got " + in.getFirst());
    }
    return out;
  }

  /** Mean and 1/√(var + eps) of each channel. */
  @Override
  public List<TensorSpec> saved(List<TensorSpec> in) {
    return List.of(in.get(1), in.get(1));
  }

  @Override
  public boolean readsStrides(int i) {
    return i >= 3; // written in place, so a copy would not do
  }

  @Override
  public boolean keepsInput(int i) {
    return i < 2;
  }

  @Override
  public void forward(Forward c) {
    for (int i = 3; i < 5; i++) {
      if (!c.in(i).isContiguous()) {
        throw new ShapeException("BatchNormTraining: running values must be contiguous");
      }
    }
    c.kernels()
        .norm()
        .batchNormTraining(
            problem(c.in(0).shape(), momentum),
            NormBuffers.of(c),
            new NormKernels.Running(c.input(3), c.input(4)));
  }

  @Override
  public void backward(Backward c) {
    c.kernels()
        .norm()
        .batchNormBackward(
            problem(c.inSpec(0).shape(), momentum),
            true,
            NormBuffers.of(c, null, c.saved(0), c.saved(1)));
  }
}
