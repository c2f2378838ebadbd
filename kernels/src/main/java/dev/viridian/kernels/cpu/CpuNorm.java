package dev.viridian.kernels.cpu;

import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.cpu.jit.JitPaths;
import dev.viridian.kernels.cpu.reference.ReferenceNorm;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.VectorNorm;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Normalisations on the CPU, the fastest implementation first. */
final class CpuNorm extends CpuFamily<NormKernels> implements NormKernels {
  CpuNorm(Workers workers, @Nullable String forced) {
    super(
        "norm",
        forced,
        List.of(
            new Candidates.Entry<>(
                JitPaths.of(forced), JitPaths.norm(workers, forced), CpuNorm::fault),
            new Candidates.Entry<>("vector", new VectorNorm(workers), VectorNorm::fault),
            Candidates.Entry.reference(new ReferenceNorm())));
  }

  private static @Nullable String fault(NormKernels candidate, NormKernels reference) {
    return VectorNorm.fault(candidate, reference, 32);
  }

  @Override
  public void groupNorm(
      GroupNorm p,
      Buffer x,
      @Nullable Buffer gamma,
      @Nullable Buffer beta,
      Buffer y,
      @Nullable Buffer mean,
      @Nullable Buffer rstd) {
    pick("groupNorm", p).groupNorm(p, x, gamma, beta, y, mean, rstd);
  }

  @Override
  public void groupNormBackward(
      GroupNorm p,
      Buffer x,
      @Nullable Buffer gamma,
      @Nullable Buffer beta,
      Buffer mean,
      Buffer rstd,
      Buffer dy,
      @Nullable Buffer dx,
      @Nullable Buffer dGamma,
      @Nullable Buffer dBeta) {
    pick("groupNormBackward", p)
        .groupNormBackward(p, x, gamma, beta, mean, rstd, dy, dx, dGamma, dBeta);
  }

  @Override
  public void layerNorm(
      LayerNorm p,
      Buffer x,
      @Nullable Buffer gamma,
      @Nullable Buffer beta,
      Buffer y,
      @Nullable Buffer mean,
      @Nullable Buffer rstd) {
    pick("layerNorm", p).layerNorm(p, x, gamma, beta, y, mean, rstd);
  }

  @Override
  public void layerNormBackward(
      LayerNorm p,
      Buffer x,
      @Nullable Buffer gamma,
      Buffer mean,
      Buffer rstd,
      Buffer dy,
      @Nullable Buffer dx,
      @Nullable Buffer dGamma,
      @Nullable Buffer dBeta) {
    pick("layerNormBackward", p).layerNormBackward(p, x, gamma, mean, rstd, dy, dx, dGamma, dBeta);
  }

  @Override
  public void batchNormTraining(
      BatchNorm p,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      Buffer runningMean,
      Buffer runningVariance,
      Buffer y,
      Buffer mean,
      Buffer rstd) {
    pick("batchNormTraining", p)
        .batchNormTraining(p, x, gamma, beta, runningMean, runningVariance, y, mean, rstd);
  }

  @Override
  public void batchNormInference(
      BatchNorm p,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      Buffer runningMean,
      Buffer runningVariance,
      Buffer y) {
    pick("batchNormInference", p)
        .batchNormInference(p, x, gamma, beta, runningMean, runningVariance, y);
  }

  @Override
  public void batchNormBackward(
      BatchNorm p,
      boolean training,
      Buffer x,
      Buffer gamma,
      Buffer mean,
      Buffer rstd,
      Buffer dy,
      @Nullable Buffer dx,
      @Nullable Buffer dGamma,
      @Nullable Buffer dBeta) {
    pick("batchNormBackward", p)
        .batchNormBackward(p, training, x, gamma, mean, rstd, dy, dx, dGamma, dBeta);
  }
}
