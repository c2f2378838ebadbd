package dev.viridian.diffusion.weights;

import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The shapes of the networks of one model. Immutable.
 *
 * @param unet the noise predictor
 * @param vae the autoencoder
 * @param textEncoder the text encoder
 * @param mattingHead DiffuMatting's head, or null where the model has none
 */
public record ModelConfigs(
    UNetConfig unet,
    VaeConfig vae,
    TextEncoderConfig textEncoder,
    @Nullable MattingHeadConfig mattingHead) {
  /**
   * Checks that the networks fit one another.
   *
   * @throws IllegalArgumentException naming the values that do not
   */
  public ModelConfigs {
    if (unet.inChannels() != vae.latentChannels()) {
      String what =
          switch (unet.inChannels()) {
            case 9 -> " (an inpainting model)";
            case 8 -> " (an instruct-pix2pix model)";
            case 5 -> " (a depth model)";
            default -> "";
          };
      throw new IllegalArgumentException(
          "the UNet's in_channels is "
              + unet.inChannels()
              + what
              + ", expected "
              + vae.latentChannels()
              + ", the VAE's latent_channels");
    }
    requireEqual(
        "the UNet's out_channels",
        unet.outChannels(),
        "the VAE's latent_channels",
        vae.latentChannels());
    requireEqual(
        "the UNet's cross_attention_dim",
        unet.crossAttentionDim(),
        "the text encoder's hidden_size",
        textEncoder.hiddenSize());
    if (mattingHead != null) {
      requireEqual(
          "the matting head's in_channels",
          mattingHead.inChannels(),
          "the VAE's first of block_out_channels",
          vae.blockOutChannels().getFirst());
    }
  }

  private static void requireEqual(String what, int found, String other, int expected) {
    if (found != expected) {
      throw new IllegalArgumentException(
          what + " is " + found + ", expected " + expected + ", " + other);
    }
  }

  /** Stable Diffusion 1.5 with a matting head on the decoder's 128 channels. */
  public static ModelConfigs sd15() {
    return new ModelConfigs(
        new UNetConfig(
            4,
            4,
            List.of(320, 640, 1280, 1280),
            2,
            Collections.nCopies(4, 8),
            768,
            32,
            1e-5f,
            List.of(true, true, true, false),
            List.of(false, true, true, true),
            true,
            0,
            64),
        new VaeConfig(3, 3, 4, List.of(128, 256, 512, 512), 2, 32, 0.18215),
        new TextEncoderConfig(49408, 768, 3072, 12, 12, 77, 1e-5f, "quick_gelu"),
        new MattingHeadConfig(128, 128, MattingHeadConfig.Feature.CONV_ACT));
  }

  /**
   * The tensors of a network.
   *
   * @throws IllegalArgumentException for one that has no shape here
   */
  List<TensorName> tensors(Component component) {
    return switch (component) {
      case UNET -> TensorNames.of(unet);
      case VAE -> TensorNames.of(vae);
      case TEXT_ENCODER -> TensorNames.of(textEncoder);
      case MATTING_HEAD -> {
        if (mattingHead == null) {
          throw new IllegalArgumentException("the model has no matting head");
        }
        yield TensorNames.of(mattingHead);
      }
      case GREEN_POST -> throw new IllegalArgumentException("green_post has no shape here");
    };
  }
}
