package dev.viridian.diffusion;

import dev.viridian.diffusion.weights.TextEncoderConfig;
import dev.viridian.diffusion.weights.UNetConfig;
import dev.viridian.diffusion.weights.VaeConfig;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** The configurations that golden cases carry. */
final class TestConfigs {
  private TestConfigs() {}

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

  static UNetConfig unet(JsonNode c) {
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

  static VaeConfig vae(JsonNode c) {
    return new VaeConfig(
        c.get("in_channels").asInt(),
        c.get("out_channels").asInt(),
        c.get("latent_channels").asInt(),
        ints(c.get("block_out_channels")),
        c.get("layers_per_block").asInt(),
        c.get("norm_num_groups").asInt(),
        c.get("scaling_factor").asDouble());
  }

  static TextEncoderConfig text(JsonNode c) {
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
