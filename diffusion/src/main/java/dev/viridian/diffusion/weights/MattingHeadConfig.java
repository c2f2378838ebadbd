package dev.viridian.diffusion.weights;

/**
 * The shape of DiffuMatting's head on the VAE decoder, as {@code matting_head/config.json} gives
 * it. Immutable.
 *
 * @param inChannels channels of the decoder's feature: its first {@code block_out_channels} (128)
 * @param hiddenChannels channels between the two convolutions (128)
 * @param feature which tensor of the decoder it reads
 * @param activation what its second convolution is followed by
 */
public record MattingHeadConfig(
    int inChannels, int hiddenChannels, Feature feature, Activation activation) {
  /** What makes the mask of the last convolution's values. */
  public enum Activation {
    /** As in the paper. */
    SILU("silu"),
    /** Between 0 and 1. */
    SIGMOID("sigmoid");

    private final String key;

    Activation(String key) {
      this.key = key;
    }

    /** Its name in config.json, as {@code activation}; absent for silu. */
    public String key() {
      return key;
    }
  }

  /** A head as in the paper, with SiLU at its end. */
  public MattingHeadConfig(int inChannels, int hiddenChannels, Feature feature) {
    this(inChannels, hiddenChannels, feature, Activation.SILU);
  }

  /** A tensor of the decoder at full resolution. */
  public enum Feature {
    /** After the last group norm and SiLU: what feeds the decoder's last convolution. */
    CONV_ACT("decoder.conv_act"),
    /** What the last up block gives, before that norm. */
    UP_BLOCK("decoder.up_blocks.3");

    private final String key;

    Feature(String key) {
      this.key = key;
    }

    /** Its name in config.json. */
    public String key() {
      return key;
    }
  }

  /**
   * Checks the values.
   *
   * @throws IllegalArgumentException naming the key of config.json that is out of range
   */
  public MattingHeadConfig {
    ConfigChecks.positive("in_channels", inChannels);
    ConfigChecks.positive("hidden_channels", hiddenChannels);
  }
}
