package dev.viridian.diffusion.testing;

import dev.viridian.diffusion.weights.FormulaModel;
import dev.viridian.diffusion.weights.MattingHeadConfig;
import dev.viridian.diffusion.weights.ModelConfigs;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.diffusion.weights.TextEncoderConfig;
import dev.viridian.diffusion.weights.UNetConfig;
import dev.viridian.diffusion.weights.VaeConfig;
import dev.viridian.engine.testing.Golden;
import dev.viridian.kernels.DType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** The models that golden cases run on. */
public final class GoldenModels {
  /** Where the components of the tiny model are, one by one. */
  public static final String COMPONENTS = "sd-tiny/components";

  private GoldenModels() {}

  /**
   * The model whose networks {@code sd-tiny/components} has.
   *
   * @param weights {@code formula}, in F32, or {@code float16}: the folder {@code sd-tiny/model}
   */
  public static ModelFiles tiny(String weights) {
    return switch (weights) {
      case "formula" -> formula(DType.F32);
      case "float16" -> tiny();
      default -> throw new IllegalArgumentException("weights " + weights);
    };
  }

  /**
   * The folder {@code sd-tiny/model}. Its weights are the formula's, rounded to float16: where the
   * folder is absent, as in the core of the goldens, they are computed.
   */
  public static ModelFiles tiny() {
    Path folder = Golden.ROOT.resolve("sd-tiny/model");
    return Files.isDirectory(folder) ? ModelFiles.open(folder) : formula(DType.F16);
  }

  private static ModelFiles formula(DType dtype) {
    Path tokenizer = Golden.ROOT.resolve("tokenizer");
    return new FormulaModel(tinyConfigs(), dtype)
        .open(Files.isDirectory(tokenizer) ? tokenizer : null);
  }

  /** The shapes of the tiny model. */
  public static ModelConfigs tinyConfigs() {
    return configs(
        Golden.json(COMPONENTS, "cases.json").get("weights").get("formula").get("configs"));
  }

  /** The configurations that {@code cases.json} carries. */
  public static ModelConfigs configs(JsonNode c) {
    return new ModelConfigs(
        unet(c.get("unet")),
        vae(c.get("vae")),
        text(c.get("text_encoder")),
        new MattingHeadConfig(
            c.get("matting_head").get("in_channels").asInt(),
            c.get("matting_head").get("hidden_channels").asInt(),
            MattingHeadConfig.Feature.CONV_ACT));
  }

  private static List<Integer> ints(JsonNode list) {
    List<Integer> values = new ArrayList<>();
    list.forEach(v -> values.add(v.asInt()));
    return values;
  }

  private static List<Boolean> attention(JsonNode types) {
    List<Boolean> values = new ArrayList<>();
    types.forEach(t -> values.add(t.asString().startsWith("CrossAttn")));
    return values;
  }

  private static UNetConfig unet(JsonNode c) {
    List<Integer> widths = ints(c.get("block_out_channels"));
    return new UNetConfig(
        c.get("in_channels").asInt(),
        c.get("out_channels").asInt(),
        widths,
        c.get("layers_per_block").asInt(),
        Collections.nCopies(widths.size(), c.get("attention_head_dim").asInt()),
        c.get("cross_attention_dim").asInt(),
        c.get("norm_num_groups").asInt(),
        (float) c.get("norm_eps").asDouble(),
        attention(c.get("down_block_types")),
        attention(c.get("up_block_types")),
        c.get("flip_sin_to_cos").asBoolean(),
        c.get("freq_shift").asDouble(),
        c.get("sample_size").asInt());
  }

  private static VaeConfig vae(JsonNode c) {
    return new VaeConfig(
        c.get("in_channels").asInt(),
        c.get("out_channels").asInt(),
        c.get("latent_channels").asInt(),
        ints(c.get("block_out_channels")),
        c.get("layers_per_block").asInt(),
        c.get("norm_num_groups").asInt(),
        c.get("scaling_factor").asDouble());
  }

  private static TextEncoderConfig text(JsonNode c) {
    return new TextEncoderConfig(
        c.get("vocab_size").asInt(),
        c.get("hidden_size").asInt(),
        c.get("intermediate_size").asInt(),
        c.get("num_hidden_layers").asInt(),
        c.get("num_attention_heads").asInt(),
        c.get("max_position_embeddings").asInt(),
        (float) c.get("layer_norm_eps").asDouble(),
        c.get("hidden_act").asString());
  }
}
