package dev.viridian.diffusion.weights;

import java.util.List;

/**
 * The shape of an autoencoder between pictures and latents, as {@code vae/config.json} gives it.
 * Immutable. Level i counts from the full resolution down; each level but the last halves it.
 *
 * @param inChannels channels of the pictures that go in (3)
 * @param outChannels channels of the pictures that come out (3)
 * @param latentChannels channels of the latents (4)
 * @param blockOutChannels channels at each level, e.g. 128, 256, 512, 512
 * @param layersPerBlock resnets in each down block of the encoder; an up block of the decoder has
 *     one more
 * @param normGroups groups of every group norm (32); their epsilon is 1e-6
 * @param scalingFactor what latents are multiplied by after encoding (0.18215)
 */
public record VaeConfig(
    int inChannels,
    int outChannels,
    int latentChannels,
    List<Integer> blockOutChannels,
    int layersPerBlock,
    int normGroups,
    double scalingFactor) {
  /**
   * Copies the list and checks that the values fit one another.
   *
   * @throws IllegalArgumentException naming the keys of config.json that do not fit
   */
  public VaeConfig {
    blockOutChannels = List.copyOf(blockOutChannels);
    ConfigChecks.positive("in_channels", inChannels);
    ConfigChecks.positive("out_channels", outChannels);
    ConfigChecks.positive("latent_channels", latentChannels);
    ConfigChecks.levels(blockOutChannels, layersPerBlock, normGroups);
    if (!(scalingFactor > 0 && scalingFactor <= ConfigChecks.LARGEST)) {
      throw new IllegalArgumentException(
          "scaling_factor " + scalingFactor + ", expected a number above 0");
    }
  }

  /** The number of levels. */
  public int levels() {
    return blockOutChannels.size();
  }

  /** Pixels a latent has along each side: 2 for each level but the last. */
  public int pixelsPerLatent() {
    return 1 << levels() - 1;
  }
}
