package dev.viridian.matting.loss;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.Abs;
import dev.viridian.engine.ops.Add;
import dev.viridian.engine.ops.Affine;
import dev.viridian.engine.ops.Clamp;
import dev.viridian.engine.ops.LinearCombination;
import dev.viridian.engine.ops.MaxPool2d;
import dev.viridian.engine.ops.Mean;
import dev.viridian.engine.ops.Mul;
import dev.viridian.engine.ops.PowScalar;
import dev.viridian.engine.ops.Resize;
import dev.viridian.engine.ops.Slice;
import dev.viridian.engine.ops.Sobel;
import dev.viridian.engine.ops.Sub;
import dev.viridian.kernels.ImageKernels;
import dev.viridian.kernels.ResampleKernels;
import org.jspecify.annotations.Nullable;

/**
 * L_detail: the edges of the estimated clean latents are to be those of the true ones, within the
 * object. With the Sobel responses Sx and Sy (zeros beyond the border), elementwise products and
 * the mask m at the map's size:
 *
 * <pre>
 * H(z) = (Sx∗z + Sy∗z) · z · m
 * L_detail = mean(|H(ẑ₀) − H(z₀)|)
 * </pre>
 *
 * <p>H(z₀) is a constant; the gradient goes through both factors of H(ẑ₀).
 */
public final class DetailLoss {
  private static final double[] LUMA = {0.299, 0.587, 0.114};

  private DetailLoss() {}

  /**
   * The loss, of rank 0.
   *
   * @param mask [b, H, W, 1] in 0…1, at the pictures' size
   * @param autoencoder decodes in the pixel spaces; null is enough for latents
   * @param pictures [b, H, W, 3] in −1…1, read where they are the target; may be null else
   */
  public static Tensor of(
      DetailOptions options,
      Denoised d,
      Tensor mask,
      @Nullable Autoencoder autoencoder,
      @Nullable Tensor pictures) {
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor estimate = d.cleanEstimate();
      Double limit = options.clamp();
      if (limit != null) {
        estimate = Clamp.of(estimate, -limit.floatValue(), limit.floatValue());
      }
      Tensor target = d.clean();
      Tensor m = mask;
      switch (options.space()) {
        case LATENT -> m = area(mask, d.clean());
        case PIXEL -> {
          estimate = decodedLuma(required(autoencoder, "autoencoder"), estimate);
          target = decodedLuma(required(autoencoder, "autoencoder"), d.clean());
        }
        case PIXEL_TARGET_IMAGE -> {
          estimate = decodedLuma(required(autoencoder, "autoencoder"), estimate);
          target = luma(required(pictures, "pictures"));
        }
      }
      if (options.band() > 0) {
        m = band(m, options.band());
      }
      Tensor difference =
          Sub.of(edges(estimate, m, options.absolute()), edges(target, m, options.absolute()));
      Tensor each =
          Mean.of(
              options.squared() ? PowScalar.of(difference, 2) : Abs.of(difference), false, 1, 2, 3);
      return scope.keep(Mean.of(weighted(options, d, each)));
    }
  }

  private static <T> T required(@Nullable T value, String what) {
    if (value == null) {
      throw new IllegalArgumentException("DetailLoss: the pixel space needs the " + what);
    }
    return value;
  }

  private static Tensor weighted(DetailOptions options, Denoised d, Tensor each) {
    Integer below = options.below();
    if (!options.weightSnr() && below == null) {
      return each;
    }
    float[] weights = new float[d.timesteps().length];
    for (int i = 0; i < weights.length; i++) {
      int t = d.timesteps()[i];
      float weight = options.weightSnr() ? d.table().alphaCumprod(t) : 1;
      weights[i] = below == null || t < below ? weight : 0;
    }
    return Mul.of(each, d.rows(weights));
  }

  /** The mask at a map's size, by means of areas. */
  public static Tensor area(Tensor mask, Tensor map) {
    return Resize.of(mask, map.size(1), map.size(2), ResampleKernels.Mode.AREA);
  }

  /** H(z) of a map [b, h, w, c] with its mask [b, h, w, 1]. */
  public static Tensor edges(Tensor z, Tensor m, boolean absolute) {
    try (MemoryScope scope = MemoryScope.open()) {
      Sobel.Responses s = Sobel.of(z, ImageKernels.Border.ZERO);
      Tensor sum = absolute ? Add.of(Abs.of(s.x()), Abs.of(s.y())) : Add.of(s.x(), s.y());
      return scope.keep(Mul.of(Mul.of(sum, z), m));
    }
  }

  /** The largest minus the smallest mask within a square around each pixel. */
  private static Tensor band(Tensor m, int radius) {
    int side = 2 * radius + 1;
    Tensor largest = MaxPool2d.of(m, side, 1, radius);
    return Add.of(largest, MaxPool2d.of(Affine.of(m, -1, 0), side, 1, radius));
  }

  /** The luma of decoded latents, [b, H, W, 1]. */
  public static Tensor decodedLuma(Autoencoder autoencoder, Tensor latents) {
    try (MemoryScope scope = MemoryScope.open()) {
      return scope.keep(luma(autoencoder.decode(latents, false, LayerObserver.NONE).picture()));
    }
  }

  /** Luma 0…1 of pictures in −1…1. */
  public static Tensor luma(Tensor pictures) {
    try (MemoryScope scope = MemoryScope.open()) {
      double[] halves = {LUMA[0] / 2, LUMA[1] / 2, LUMA[2] / 2};
      Tensor sum =
          LinearCombination.of(
              halves,
              Slice.of(pictures, -1, 0, 1),
              Slice.of(pictures, -1, 1, 2),
              Slice.of(pictures, -1, 2, 3));
      return scope.keep(Affine.of(sum, 1, 0.5f));
    }
  }
}
