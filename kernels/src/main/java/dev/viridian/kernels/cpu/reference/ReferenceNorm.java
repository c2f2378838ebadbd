package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** Normalisations by plain loops. */
public final class ReferenceNorm implements NormKernels {
  @Override
  public void groupNorm(
      GroupNorm p,
      Buffer x,
      @Nullable Buffer gamma,
      @Nullable Buffer beta,
      Buffer y,
      @Nullable Buffer mean,
      @Nullable Buffer rstd) {
    throw new UnsupportedOperationException("Norm.groupNorm");
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
    throw new UnsupportedOperationException("Norm.groupNormBackward");
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
    throw new UnsupportedOperationException("Norm.layerNorm");
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
    throw new UnsupportedOperationException("Norm.layerNormBackward");
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
    throw new UnsupportedOperationException("Norm.batchNormTraining");
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
    throw new UnsupportedOperationException("Norm.batchNormInference");
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
    throw new UnsupportedOperationException("Norm.batchNormBackward");
  }
}
