package dev.viridian.diffusion.weights;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.WeightSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Configurations read off the shapes in a single file, which carries none. What no shape tells
 * (number of heads, groups, epsilons) is as in every SD1.x model; whoever has another gives config
 * files.
 */
final class InferredConfigs {
  private static final int HEADS = 8;
  private static final int TEXT_HEAD_WIDTH = 64;
  private static final int GROUPS = 32;

  private final WeightSource source;
  private final Map<String, TensorInfo> tensors;
  private final String prefix;

  private InferredConfigs(WeightSource source, Component component) {
    this.source = source;
    this.tensors = source.tensors();
    this.prefix = String.valueOf(component.singlePrefix(tensors));
  }

  static UNetConfig unet(WeightSource source) {
    return new InferredConfigs(source, Component.UNET).unet();
  }

  static VaeConfig vae(WeightSource source) {
    return new InferredConfigs(source, Component.VAE).vae();
  }

  /**
   * The configuration of the text encoder.
   *
   * @param config where to put the config file that says what shapes cannot, for messages
   */
  static TextEncoderConfig textEncoder(WeightSource source, String config) {
    return new InferredConfigs(source, Component.TEXT_ENCODER).text(config);
  }

  static MattingHeadConfig mattingHead(WeightSource source) {
    InferredConfigs in = new InferredConfigs(source, Component.MATTING_HEAD);
    return in.make(
        () ->
            new MattingHeadConfig(
                in.size("conv1.weight", 1),
                in.size("conv1.weight", 0),
                MattingHeadConfig.Feature.CONV_ACT));
  }

  private UNetConfig unet() {
    List<Integer> channels = new ArrayList<>();
    List<Boolean> down = new ArrayList<>();
    int layers = 0;
    int inLevel = 0;
    for (int block = 1; ; block++) {
      String name = "input_blocks." + block + ".";
      boolean resnet = has(name + "0.in_layers.2.weight");
      if (resnet) {
        if (inLevel++ == 0) {
          channels.add(size(name + "0.in_layers.2.weight", 0));
          down.add(has(name + "1.proj_in.weight"));
        }
        continue;
      }
      if (channels.isEmpty() || channels.size() > 1 && inLevel != layers) {
        throw error("input_blocks." + block, "the levels have different numbers of resnets");
      }
      layers = inLevel;
      inLevel = 0;
      if (!has(name + "0.op.weight")) {
        break;
      }
    }
    List<Boolean> up = new ArrayList<>();
    for (int k = 0; k < channels.size(); k++) {
      up.add(has("output_blocks." + k * (layers + 1) + ".1.proj_in.weight"));
    }
    int resnets = layers;
    return make(
        () ->
            new UNetConfig(
                size("input_blocks.0.0.weight", 1),
                size("out.2.weight", 0),
                channels,
                resnets,
                Collections.nCopies(channels.size(), HEADS),
                size("middle_block.1.transformer_blocks.0.attn2.to_k.weight", 1),
                GROUPS,
                1e-5f,
                down,
                up,
                true,
                0,
                64));
  }

  private VaeConfig vae() {
    List<Integer> channels = new ArrayList<>();
    while (has("encoder.down." + channels.size() + ".block.0.conv1.weight")) {
      channels.add(size("encoder.down." + channels.size() + ".block.0.conv1.weight", 0));
    }
    int layers = 0;
    while (has("encoder.down.0.block." + layers + ".conv1.weight")) {
      layers++;
    }
    int resnets = layers;
    return make(
        () ->
            new VaeConfig(
                size("encoder.conv_in.weight", 1),
                size("decoder.conv_out.weight", 0),
                size("decoder.conv_in.weight", 1),
                channels,
                resnets,
                GROUPS,
                0.18215));
  }

  private TextEncoderConfig text(String config) {
    int width = size("embeddings.token_embedding.weight", 1);
    int layers = 0;
    while (has("encoder.layers." + layers + ".mlp.fc1.weight")) {
      layers++;
    }
    if (width % TEXT_HEAD_WIDTH != 0) {
      throw new InputException(
          source.describe()
              + ": the text encoder is "
              + width
              + " wide, which does not tell its number of heads; put its config.json at "
              + config);
    }
    int count = layers;
    return make(
        () ->
            new TextEncoderConfig(
                size("embeddings.token_embedding.weight", 0),
                width,
                size("encoder.layers.0.mlp.fc1.weight", 0),
                count,
                width / TEXT_HEAD_WIDTH,
                size("embeddings.position_embedding.weight", 0),
                1e-5f,
                "quick_gelu"));
  }

  private <T> T make(Supplier<T> record) {
    try {
      return record.get();
    } catch (IllegalArgumentException e) {
      throw new InputException(
          source.describe() + ": by the shapes of its tensors, " + e.getMessage(), e);
    }
  }

  private boolean has(String name) {
    return tensors.containsKey(prefix + name);
  }

  private int size(String name, int dimension) {
    TensorInfo info = tensors.get(prefix + name);
    if (info == null) {
      throw error(name, "is missing");
    }
    if (info.rank() <= dimension) {
      throw error(name, "has shape " + info.shape());
    }
    long size = info.shape().get(dimension);
    if (size < 1 || size > ConfigChecks.LARGEST) {
      throw error(name, "has shape " + info.shape());
    }
    return (int) size;
  }

  private InputException error(String name, String what) {
    return new InputException(source.describe() + ": " + prefix + name + ": " + what);
  }
}
