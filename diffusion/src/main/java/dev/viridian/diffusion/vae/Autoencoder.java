package dev.viridian.diffusion.vae;

import dev.viridian.diffusion.layers.Bands;
import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.weights.VaeConfig;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.Conv2d;
import dev.viridian.engine.nn.Module;
import dev.viridian.engine.ops.Add;
import dev.viridian.engine.ops.Affine;
import dev.viridian.engine.ops.Cast;
import dev.viridian.engine.ops.Clamp;
import dev.viridian.engine.ops.Exp;
import dev.viridian.engine.ops.LinearCombination;
import dev.viridian.engine.ops.Mul;
import dev.viridian.engine.ops.Slice;
import dev.viridian.kernels.DType;

/**
 * Stable Diffusion's autoencoder (KL). Pictures are [n, H, W, 3] in −1…1, latents [n, H/8, W/8, 4]
 * in the UNet's scale. Thread-safe once loaded.
 */
public final class Autoencoder extends Module {
  private static final float LOG_VARIANCE_LOW = -30f;
  private static final float LOG_VARIANCE_HIGH = 20f;

  /**
   * What decoding gives.
   *
   * @param picture [n, H, W, 3], not clamped
   * @param feature the last feature map [n, H, W, c], before or after the last norm and SiLU
   */
  public record Decoded(Tensor picture, Tensor feature) implements AutoCloseable {
    private Decoded kept(MemoryScope scope) {
      scope.keep(picture);
      scope.keep(feature);
      return this;
    }

    /** Closes both. */
    @Override
    public void close() {
      picture.close();
      feature.close();
    }
  }

  /** Mean and log-variance of the unscaled latents, [n, H/8, W/8, 4] each. */
  public record Distribution(Tensor mean, Tensor logVariance) {
    /**
     * {@code mean + exp(logVariance / 2) · noise}: unscaled latents.
     *
     * @param noise normal, of the mean's shape
     */
    public Tensor sample(Tensor noise) {
      try (MemoryScope scope = MemoryScope.open()) {
        Tensor deviation = Exp.of(Affine.of(logVariance, 0.5f, 0));
        return scope.keep(Add.of(mean, Mul.of(deviation, noise)));
      }
    }
  }

  private final VaeConfig config;
  private final Encoder encoder;
  private final Decoder decoder;
  private final Conv2d quantConv;
  private final Conv2d postQuantConv;

  /** A network without numbers; names are those of diffusers' AutoencoderKL. */
  public Autoencoder(VaeConfig config) {
    this.config = config;
    int latent = config.latentChannels();
    encoder = child("encoder", new Encoder(config));
    decoder = child("decoder", new Decoder(config));
    quantConv = child("quant_conv", new Conv2d(2 * latent, 2 * latent, 1, 1, 0));
    postQuantConv = child("post_quant_conv", new Conv2d(latent, latent, 1, 1, 0));
  }

  /**
   * Whether decoding takes the parameter of a name: what only encodes need not be loaded for it.
   */
  public static boolean decodes(String name) {
    return name.startsWith("decoder.") || name.startsWith("post_quant_conv.");
  }

  /** Its configuration. */
  public VaeConfig config() {
    return config;
  }

  /** Encodes pictures [n, H, W, 3]. */
  public Distribution encode(Tensor pictures, LayerObserver observer) {
    if (pictures.shape().rank() != 4 || pictures.size(3) != config.inChannels()) {
      throw new ShapeException(
          "Autoencoder: pictures: expected [n, h, w, "
              + config.inChannels()
              + "], got "
              + pictures);
    }
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor moments = quantConv.forward(encoder.forward(pictures, observer));
      observer.output("quant_conv", moments);
      int c = config.latentChannels();
      Tensor mean = scope.keep(Slice.of(moments, -1, 0, c));
      Tensor logVariance = Slice.of(moments, -1, c, 2L * c);
      return new Distribution(
          mean, scope.keep(Clamp.of(logVariance, LOG_VARIANCE_LOW, LOG_VARIANCE_HIGH)));
    }
  }

  /**
   * Decodes latents.
   *
   * @param latents in the UNet's scale
   * @param beforeNorm whether the feature is the last up block's output as it is; else it is
   *     normalised and activated: what feeds the last convolution
   */
  public Decoded decode(Tensor latents, boolean beforeNorm, LayerObserver observer) {
    try (MemoryScope scope = MemoryScope.open()) {
      return decodeUnscaled(unscaled(latents), beforeNorm, observer).kept(scope);
    }
  }

  /**
   * As {@link #decode(Tensor, boolean, LayerObserver)}, of one picture's latents [1, h, w, 4], with
   * the largest maps band by band: less than half the memory for about a third more time. The
   * result differs by rounding alone.
   */
  public Decoded decode(Tensor latents, boolean beforeNorm, Bands bands, LayerObserver observer) {
    checkLatents(latents);
    if (latents.size(0) != 1) {
      throw new ShapeException("Autoencoder: one picture at a time in bands, got " + latents);
    }
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor quantised = postQuantConv.forward(unscaled(latents));
      observer.output("post_quant_conv", quantised);
      Tensor feature = decoder.upBlocks(quantised, bands, observer);
      if (!beforeNorm) {
        decoder.activate(feature, bands);
      }
      Tensor picture = decoder.picture(feature, !beforeNorm, bands);
      observer.output("decoder.conv_out", picture);
      return new Decoded(picture, Cast.of(feature, DType.F32)).kept(scope);
    }
  }

  private Tensor unscaled(Tensor latents) {
    return LinearCombination.of(new double[] {1 / config.scalingFactor()}, latents);
  }

  private void checkLatents(Tensor latents) {
    if (latents.shape().rank() != 4 || latents.size(3) != config.latentChannels()) {
      throw new ShapeException(
          "Autoencoder: latents: expected [n, h, w, "
              + config.latentChannels()
              + "], got "
              + latents);
    }
  }

  /**
   * As {@link #decode(Tensor, boolean, LayerObserver)}, of latents as {@link #encode} gives them.
   */
  public Decoded decodeUnscaled(Tensor latents, boolean beforeNorm, LayerObserver observer) {
    checkLatents(latents);
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor quantised = postQuantConv.forward(latents);
      observer.output("post_quant_conv", quantised);
      Tensor raw = decoder.upBlocks(quantised, observer);
      Tensor activated = decoder.activated(raw);
      if (!beforeNorm) {
        raw.close();
      }
      Tensor picture = decoder.picture(activated, observer);
      Tensor feature = Cast.of(beforeNorm ? raw : activated, DType.F32);
      return new Decoded(picture, feature).kept(scope);
    }
  }
}
