package dev.viridian.matting.loss;

import dev.viridian.diffusion.scheduler.NoiseTable;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.Mul;
import dev.viridian.engine.ops.Sub;

/**
 * A batch of latents on its way through the noise predictor; all F32 [b, h, w, c], in the UNet's
 * scale.
 *
 * @param clean z₀
 * @param noise ε
 * @param noisy z_t = √ᾱ z₀ + √(1 − ᾱ) ε
 * @param predicted the UNet's ε̂ of z_t
 * @param cleanEstimate ẑ₀ = (z_t − √(1 − ᾱ) ε̂) / √ᾱ
 * @param timesteps t of each sample
 * @param table ᾱ by timestep
 */
public record Denoised(
    Tensor clean,
    Tensor noise,
    Tensor noisy,
    Tensor predicted,
    Tensor cleanEstimate,
    int[] timesteps,
    NoiseTable table) {

  /** Of what the UNet said; the estimate is made in the current scope. */
  public static Denoised of(
      Tensor clean,
      Tensor noise,
      Tensor noisy,
      Tensor predicted,
      int[] timesteps,
      NoiseTable table) {
    try (MemoryScope scope = MemoryScope.open()) {
      float[] ofNoisy = new float[timesteps.length];
      float[] ofPredicted = new float[timesteps.length];
      for (int i = 0; i < timesteps.length; i++) {
        double signal = table.signal(timesteps[i]);
        ofNoisy[i] = (float) (1 / signal);
        ofPredicted[i] = (float) (table.noise(timesteps[i]) / signal);
      }
      Tensor estimate =
          Sub.of(Mul.of(noisy, rows(clean, ofNoisy)), Mul.of(predicted, rows(clean, ofPredicted)));
      return new Denoised(
          clean, noise, noisy, predicted, scope.keep(estimate), timesteps.clone(), table);
    }
  }

  /** A number for each sample, to multiply maps like {@code map} with. */
  private static Tensor rows(Tensor map, float[] values) {
    return Tensors.of(map.device(), values, values.length, 1, 1, 1);
  }

  /** A number for each sample, [b]. */
  Tensor rows(float[] values) {
    return Tensors.of(clean.device(), values, values.length);
  }
}
