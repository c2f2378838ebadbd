package dev.viridian.matting.loss;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.Mean;
import dev.viridian.engine.ops.MseLoss;
import dev.viridian.engine.ops.Mul;
import dev.viridian.engine.ops.Reduction;
import org.jspecify.annotations.Nullable;

/**
 * L_noise: the mean of (ε̂ − ε)² over all elements. With min-SNR weighting (Hang et al.) each
 * sample counts {@code min(SNR, gamma) / SNR}.
 */
public final class NoiseLoss {
  private NoiseLoss() {}

  /**
   * The loss, of rank 0.
   *
   * @param snrGamma above 0, or null for no weighting
   */
  public static Tensor of(Denoised d, @Nullable Double snrGamma) {
    if (snrGamma == null) {
      return MseLoss.of(d.predicted(), d.noise(), Reduction.MEAN);
    }
    try (MemoryScope scope = MemoryScope.open()) {
      float[] weights = new float[d.timesteps().length];
      for (int i = 0; i < weights.length; i++) {
        double snr = d.table().snr(d.timesteps()[i]);
        weights[i] = (float) (Math.min(snr, snrGamma) / snr);
      }
      Tensor squares = MseLoss.of(d.predicted(), d.noise(), Reduction.NONE);
      Tensor each = Mean.of(squares, false, 1, 2, 3);
      return scope.keep(Mean.of(Mul.of(each, d.rows(weights))));
    }
  }
}
