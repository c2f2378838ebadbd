package dev.viridian.diffusion.weights;

import dev.viridian.engine.InputException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

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

  /**
   * Reads the shapes of a model that is to be trained from nothing: one JSON file whose members
   * {@code unet}, {@code vae}, {@code text_encoder} and, if there is to be a head, {@code
   * matting_head} are what a model folder has in {@code config.json} of that name.
   *
   * @throws InputException naming the key that is missing or wrong
   */
  public static ModelConfigs read(Path path) {
    ConfigFile file = ConfigFile.read(path);
    UNetConfig unet = ComponentConfigs.unet(file.part("unet"));
    VaeConfig vae = ComponentConfigs.vae(file.part("vae"));
    TextEncoderConfig text = ComponentConfigs.textEncoder(file.part("text_encoder"));
    MattingHeadConfig head =
        file.value("matting_head") == null
            ? null
            : ComponentConfigs.mattingHead(file.part("matting_head"));
    return file.make(() -> new ModelConfigs(unet, vae, text, head));
  }

  /**
   * A small model of the same architecture, for pictures of 128×128 and a vocabulary of CLIP's
   * first 6,000 merges: about 14 million numbers.
   */
  public static ModelConfigs small() {
    return new ModelConfigs(
        new UNetConfig(
            4,
            4,
            List.of(64, 128, 192),
            2,
            Collections.nCopies(3, 4),
            128,
            32,
            1e-5f,
            List.of(true, true, false),
            List.of(false, true, true),
            true,
            0,
            16),
        new VaeConfig(3, 3, 4, List.of(16, 32, 64, 64), 1, 8, 0.18215),
        new TextEncoderConfig(512 + 6000 + 2, 128, 512, 4, 4, 77, 1e-5f, "quick_gelu"),
        new MattingHeadConfig(16, 16, MattingHeadConfig.Feature.CONV_ACT));
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

  /** The configuration of the scheduler that SD1.x is trained with. */
  public static ObjectNode scheduler() {
    return ComponentConfigs.scheduler();
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
