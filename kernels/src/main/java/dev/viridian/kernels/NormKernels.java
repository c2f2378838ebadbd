package dev.viridian.kernels;

import dev.viridian.kernels.memory.Buffer;
import org.jspecify.annotations.Nullable;

/**
 * Normalisations, F32 (gamma and beta F32, F16 or BF16 by the problem). Variances are biased and
 * computed about the mean, never as E[x²] − E[x]². Written ({@code =}); y may be x.
 */
public interface NormKernels {
  /**
   * Group normalisation of channels-last [n, spatial, channels]: each of {@code groups} runs of
   * consecutive channels is normalised over itself and all positions.
   *
   * @param n pictures, 0 or more
   * @param spatial positions, h·w
   * @param groups divides channels
   * @param parameters type of gamma and beta
   * @param activation applied to the result: NONE or SILU
   */
  record GroupNorm(
      int n,
      int spatial,
      int channels,
      int groups,
      float eps,
      DType parameters,
      Activation activation) {
    private static final String NAME = "GroupNorm";

    /** Checks sizes. */
    public GroupNorm {
      Check.notNegative(NAME, "n", n);
      Check.positive(NAME, "spatial", spatial);
      Check.positive(NAME, "channels", channels);
      Check.positive(NAME, "groups", groups);
      Check.that(
          channels % groups == 0, NAME, "groups " + groups + " do not divide channels " + channels);
      Check.that(
          activation == Activation.NONE || activation == Activation.SILU,
          NAME,
          "activation " + activation + " is not built in");
    }
  }

  /** Layer normalisation of contiguous [rows, cols] over cols; parameters of length cols. */
  record LayerNorm(long rows, int cols, float eps, DType parameters) {
    /** Checks sizes. */
    public LayerNorm {
      Check.notNegative("LayerNorm", "rows", rows);
      Check.positive("LayerNorm", "cols", cols);
    }
  }

  /** Batch normalisation of channels-last [rows, channels] over rows, all F32. */
  record BatchNorm(long rows, int channels, float eps, float momentum) {
    /** Checks sizes. */
    public BatchNorm {
      Check.positive("BatchNorm", "rows", rows);
      Check.positive("BatchNorm", "channels", channels);
    }
  }

  /**
   * {@code y = act((x − mean) · rstd · gamma + beta)}.
   *
   * @param mean [n, groups] for the backward pass; null (with rstd) if none follows
   * @param rstd [n, groups], 1/√(variance + eps)
   */
  void groupNorm(
      GroupNorm p,
      Buffer x,
      @Nullable Buffer gamma,
      @Nullable Buffer beta,
      Buffer y,
      @Nullable Buffer mean,
      @Nullable Buffer rstd);

  /**
   * Gradients of {@link #groupNorm}, the activation's included (recomputed from x).
   *
   * @param dGamma [channels]; null if not wanted. The same for dx and dBeta.
   */
  void groupNormBackward(
      GroupNorm p,
      Buffer x,
      @Nullable Buffer gamma,
      @Nullable Buffer beta,
      Buffer mean,
      Buffer rstd,
      Buffer dy,
      @Nullable Buffer dx,
      @Nullable Buffer dGamma,
      @Nullable Buffer dBeta);

  /** {@code y = (x − mean) · rstd · gamma + beta} per row; mean and rstd [rows] or both null. */
  void layerNorm(
      LayerNorm p,
      Buffer x,
      @Nullable Buffer gamma,
      @Nullable Buffer beta,
      Buffer y,
      @Nullable Buffer mean,
      @Nullable Buffer rstd);

  /** Gradients of {@link #layerNorm}; those that are null are not wanted. */
  void layerNormBackward(
      LayerNorm p,
      Buffer x,
      @Nullable Buffer gamma,
      Buffer mean,
      Buffer rstd,
      Buffer dy,
      @Nullable Buffer dx,
      @Nullable Buffer dGamma,
      @Nullable Buffer dBeta);

  /**
   * Batch normalisation by the batch's own statistics. {@code running = (1 − momentum) running +
   * momentum new} is updated in place, with the unbiased variance.
   *
   * @param mean [channels], written for the backward pass
   * @param rstd [channels], written for the backward pass
   */
  void batchNormTraining(
      BatchNorm p,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      Buffer runningMean,
      Buffer runningVariance,
      Buffer y,
      Buffer mean,
      Buffer rstd);

  /** Batch normalisation by stored statistics. */
  void batchNormInference(
      BatchNorm p,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      Buffer runningMean,
      Buffer runningVariance,
      Buffer y);

  /**
   * Gradients of either batch normalisation.
   *
   * @param training whether mean and rstd are the batch's own and so depend on x
   */
  void batchNormBackward(
      BatchNorm p,
      boolean training,
      Buffer x,
      Buffer gamma,
      Buffer mean,
      Buffer rstd,
      Buffer dy,
      @Nullable Buffer dx,
      @Nullable Buffer dGamma,
      @Nullable Buffer dBeta);
}
