package dev.viridian.diffusion.weights;

import java.util.List;

/**
 * The shape of a noise predictor of the SD1.x family, as {@code unet/config.json} gives it.
 * Immutable. Level i counts from the full resolution down; each level but the last halves it.
 *
 * @param inChannels channels of the latents that go in (4)
 * @param outChannels channels of the predicted noise (4)
 * @param blockOutChannels channels at each level, e.g. 320, 640, 1280, 1280
 * @param layersPerBlock resnets in each down block; an up block has one more
 * @param headsPerBlock attention heads at each level ({@code attention_head_dim} of the file, which
 *     for this family is the number of heads); the middle block has those of the last level
 * @param crossAttentionDim width of the text encoder's states (768)
 * @param normGroups groups of every group norm (32)
 * @param normEps epsilon of the group norms in resnets and at the end; those of the transformers
 *     have 1e-6 whatever the file says
 * @param downAttention whether the down block of each level has transformers
 * @param upAttention whether the up blocks have transformers, in the order of {@code up_blocks}:
 *     the lowest resolution first
 * @param flipSinToCos whether the cosines come first in the time step's sinusoids
 * @param freqShift subtracted from the number of frequencies in their exponent (0)
 * @param sampleSize height and width of the latents it was trained on (64)
 */
public record UNetConfig(
    int inChannels,
    int outChannels,
    List<Integer> blockOutChannels,
    int layersPerBlock,
    List<Integer> headsPerBlock,
    int crossAttentionDim,
    int normGroups,
    float normEps,
    List<Boolean> downAttention,
    List<Boolean> upAttention,
    boolean flipSinToCos,
    double freqShift,
    int sampleSize) {
  /**
   * Copies the lists and checks that the values fit one another.
   *
   * @throws IllegalArgumentException naming the keys of config.json that do not fit
   */
  public UNetConfig {
    blockOutChannels = List.copyOf(blockOutChannels);
    headsPerBlock = List.copyOf(headsPerBlock);
    downAttention = List.copyOf(downAttention);
    upAttention = List.copyOf(upAttention);
    ConfigChecks.positive("in_channels", inChannels);
    ConfigChecks.positive("out_channels", outChannels);
    ConfigChecks.levels(blockOutChannels, layersPerBlock, normGroups);
    ConfigChecks.positive("cross_attention_dim", crossAttentionDim);
    ConfigChecks.positive("sample_size", sampleSize);
    ConfigChecks.epsilon("norm_eps", normEps);
    ConfigChecks.sameLength("attention_head_dim", headsPerBlock, blockOutChannels);
    ConfigChecks.sameLength("down_block_types", downAttention, blockOutChannels);
    ConfigChecks.sameLength("up_block_types", upAttention, blockOutChannels);
    for (int i = 0; i < headsPerBlock.size(); i++) {
      ConfigChecks.positive("attention_head_dim", headsPerBlock.get(i));
      if (blockOutChannels.get(i) % headsPerBlock.get(i) != 0) {
        throw new IllegalArgumentException(
            "attention_head_dim (the number of heads) "
                + headsPerBlock.get(i)
                + " does not divide block_out_channels["
                + i
                + "] "
                + blockOutChannels.get(i));
      }
    }
    int half = blockOutChannels.getFirst() / 2;
    if (blockOutChannels.getFirst() % 2 != 0 || !(freqShift >= 0 && freqShift < half)) {
      throw new IllegalArgumentException(
          "freq_shift "
              + freqShift
              + " with block_out_channels[0] "
              + blockOutChannels.getFirst()
              + ": expected an even number of channels and a shift from 0 to below its half");
    }
  }

  /** Width of the time embedding: four times the channels of the first level. */
  public int timeEmbeddingDim() {
    return 4 * blockOutChannels.getFirst();
  }

  /** The number of levels. */
  public int levels() {
    return blockOutChannels.size();
  }
}
