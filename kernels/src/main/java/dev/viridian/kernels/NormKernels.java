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
   * @param y type of the result: F32, or BF16, rounded (forward only)
   */
  record GroupNorm(
      int n,
      int spatial,
      int channels,
      int groups,
      float eps,
      DType parameters,
      Activation activation,
      DType y) {
    private static final String NAME = "GroupNorm";

    /** With a result of F32. */
    public GroupNorm(
        int n,
        int spatial,
        int channels,
        int groups,
        float eps,
        DType parameters,
        Activation activation) {
      this(n, spatial, channels, groups, eps, parameters, activation, DType.F32);
    }

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
      Check.that(y == DType.F32 || y == DType.BF16, NAME, "a result of " + y);
    }
  }

  /**
   * Layer normalisation of contiguous [rows, cols] over cols; parameters of length cols.
   *
   * @param y type of the result: F32, or BF16, rounded (forward only)
   */
  record LayerNorm(long rows, int cols, float eps, DType parameters, DType y) {
    /** With a result of F32. */
    public LayerNorm(long rows, int cols, float eps, DType parameters) {
      this(rows, cols, eps, parameters, DType.F32);
    }

    /** Checks sizes. */
    public LayerNorm {
      Check.notNegative("LayerNorm", "rows", rows);
      Check.positive("LayerNorm", "cols", cols);
      Check.that(y == DType.F32 || y == DType.BF16, "LayerNorm", "a result of " + y);
    }
  }

  /** Batch normalisation of channels-last [rows, channels] over rows, all F32. */
  record BatchNorm(long rows, int channels, float eps, float momentum) {
    /** Checks sizes. */
    public BatchNorm {
      Check.positive("BatchNorm", "rows", rows);
      Check.positive("BatchNorm", "channels", channels);
    }

    /** Refuses a batch that has no unbiased variance. */
    public void requireVariance() {
      Check.that(
          rows >= 2, "BatchNorm", "one value per channel has no variance, rows must be at least 2");
    }
  }

  /**
   * What a forward pass reads and writes.
   *
   * @param x [n, spatial, channels] or [rows, columns], F32
   * @param gamma [channels] or [columns]; null for ones
   * @param beta as gamma; null for zeros
   * @param y as x, of the problem's type; may be x if that is F32
   * @param mean F32, for the backward pass: [n, groups], of a layer norm [rows], of a batch norm
   *     [channels]; null, with rstd, if none follows
   * @param rstd 1/√(variance + eps), as mean
   */
  record Forward(
      Buffer x,
      @Nullable Buffer gamma,
      @Nullable Buffer beta,
      Buffer y,
      @Nullable Buffer mean,
      @Nullable Buffer rstd) {
    /** Statistics are wanted or not. */
    public Forward {
      Check.that(
          (mean == null) == (rstd == null), "Norm", "only one of mean and rstd is given, not both");
    }

    /** Of a pass that nothing follows. */
    public Forward(Buffer x, @Nullable Buffer gamma, @Nullable Buffer beta, Buffer y) {
      this(x, gamma, beta, y, null, null);
    }
  }

  /**
   * What a backward pass reads and writes.
   *
   * @param x as given to the forward pass, as are gamma and beta
   * @param beta read only where an activation is built in
   * @param mean what the forward pass wrote or, of stored statistics, was given
   * @param rstd as mean
   * @param dy as x
   * @param dx as x; null, as dGamma and dBeta, if not wanted
   * @param dGamma [channels] or [columns], F32
   * @param dBeta as dGamma
   */
  record Backward(
      Buffer x,
      @Nullable Buffer gamma,
      @Nullable Buffer beta,
      Buffer mean,
      Buffer rstd,
      Buffer dy,
      @Nullable Buffer dx,
      @Nullable Buffer dGamma,
      @Nullable Buffer dBeta) {}

  /** Statistics of the batches so far, F32 [channels] both; the variance is the unbiased one. */
  record Running(Buffer mean, Buffer variance) {}

  /** Whether results of BF16 are to be had in good time, of rows of so many columns. */
  default boolean rounds(int columns) {
    return false;
  }

  /** {@code y = act((x − mean) · rstd · gamma + beta)}. */
  void groupNorm(GroupNorm p, Forward b);

  /** Gradients of {@link #groupNorm}, the activation's included (recomputed from x). */
  void groupNormBackward(GroupNorm p, Backward b);

  /** {@code y = (x − mean) · rstd · gamma + beta} per row. */
  void layerNorm(LayerNorm p, Forward b);

  /** Gradients of {@link #layerNorm}. */
  void layerNormBackward(LayerNorm p, Backward b);

  /**
   * Batch normalisation by the batch's own statistics. {@code running = (1 − momentum) running +
   * momentum new} is updated in place.
   */
  void batchNormTraining(BatchNorm p, Forward b, Running running);

  /** Batch normalisation by stored statistics; b's are not written. */
  void batchNormInference(BatchNorm p, Forward b, Running stored);

  /**
   * Gradients of either batch normalisation.
   *
   * @param training whether mean and rstd are the batch's own and so depend on x
   */
  void batchNormBackward(BatchNorm p, boolean training, Backward b);
}
