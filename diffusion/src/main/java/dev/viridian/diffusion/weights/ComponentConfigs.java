package dev.viridian.diffusion.weights;

import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * The {@code config.json} of each network: read, with what is absent as diffusers and transformers
 * take it, and written.
 */
final class ComponentConfigs {
  private static final List<String> ABSENT_IN_UNET =
      List.of(
          "class_embed_type",
          "addition_embed_type",
          "num_class_embeds",
          "encoder_hid_dim",
          "encoder_hid_dim_type",
          "time_embedding_dim",
          "time_embedding_act_fn",
          "timestep_post_act",
          "time_cond_proj_dim",
          "projection_class_embeddings_input_dim",
          "reverse_transformer_layers_per_block",
          "cross_attention_norm",
          "num_attention_heads");

  private ComponentConfigs() {}

  static UNetConfig unet(ConfigFile file) {
    isClass(file, "UNet2DConditionModel");
    if (file.truth("use_linear_projection", false)) {
      throw file.error(
          "use_linear_projection is true: this is a Stable Diffusion 2.x or XL UNet, expected"
              + " Stable Diffusion 1.x");
    }
    ABSENT_IN_UNET.forEach(key -> file.only(key, "null"));
    file.only("act_fn", "\"silu\"");
    file.only("mid_block_type", "\"UNetMidBlock2DCrossAttn\"");
    file.only("resnet_time_scale_shift", "\"default\"");
    file.only("time_embedding_type", "\"positional\"");
    file.only("attention_type", "\"default\"");
    for (String key :
        List.of(
            "center_input_sample",
            "only_cross_attention",
            "dual_cross_attention",
            "resnet_skip_time_act",
            "class_embeddings_concat")) {
      file.only(key, "false");
    }
    for (String key :
        List.of("downsample_padding", "mid_block_scale_factor", "transformer_layers_per_block")) {
      file.only(key, "1");
    }
    file.only("conv_in_kernel", "3");
    file.only("conv_out_kernel", "3");
    List<Integer> channels = file.sizes("block_out_channels", List.of(320, 640, 1280, 1280));
    List<Boolean> down =
        file.choices(
            "down_block_types",
            "CrossAttnDownBlock2D",
            "DownBlock2D",
            List.of(true, true, true, false));
    List<Boolean> up =
        file.choices(
            "up_block_types", "CrossAttnUpBlock2D", "UpBlock2D", List.of(false, true, true, true));
    return file.make(
        () ->
            new UNetConfig(
                file.size("in_channels", 4),
                file.size("out_channels", 4),
                channels,
                file.size("layers_per_block", 2),
                file.sizeOrSizes("attention_head_dim", 8, channels.size()),
                file.size("cross_attention_dim", 1280),
                file.size("norm_num_groups", 32),
                (float) file.number("norm_eps", 1e-5),
                down,
                up,
                file.truth("flip_sin_to_cos", true),
                file.number("freq_shift", 0),
                sampleSize(file)));
  }

  /** Newer files may give height and width; the larger counts. */
  private static int sampleSize(ConfigFile file) {
    return file.sizeOrSizes("sample_size", 64, 1).stream().mapToInt(size -> size).max().orElse(64);
  }

  static VaeConfig vae(ConfigFile file) {
    isClass(file, "AutoencoderKL");
    file.only("act_fn", "\"silu\"");
    for (String key : List.of("shift_factor", "latents_mean", "latents_std")) {
      file.only(key, "null");
    }
    for (String key : List.of("use_quant_conv", "use_post_quant_conv", "mid_block_add_attention")) {
      file.only(key, "true");
    }
    List<Integer> channels = file.sizes("block_out_channels", List.of(64));
    Stream.of("down_block_types:DownEncoderBlock2D", "up_block_types:UpDecoderBlock2D")
        .map(text -> text.split(":"))
        .forEach(
            pair ->
                file.make(
                    () -> {
                      List<Boolean> types = file.choices(pair[0], pair[1], pair[1], List.of(true));
                      ConfigChecks.sameLength(pair[0], types, channels);
                      return types;
                    }));
    return file.make(
        () ->
            new VaeConfig(
                file.size("in_channels", 3),
                file.size("out_channels", 3),
                file.size("latent_channels", 4),
                channels,
                file.size("layers_per_block", 1),
                file.size("norm_num_groups", 32),
                file.number("scaling_factor", 0.18215)));
  }

  static TextEncoderConfig textEncoder(ConfigFile file) {
    JsonNode architectures = file.value("architectures");
    if (architectures != null && !architectures.toString().contains("\"CLIPTextModel\"")) {
      throw file.error("architectures", architectures, "[\"CLIPTextModel\"]");
    }
    return file.make(
        () ->
            new TextEncoderConfig(
                file.size("vocab_size", 49408),
                file.size("hidden_size", 512),
                file.size("intermediate_size", 2048),
                file.size("num_hidden_layers", 12),
                file.size("num_attention_heads", 8),
                file.size("max_position_embeddings", 77),
                (float) file.number("layer_norm_eps", 1e-5),
                file.text("hidden_act", "quick_gelu")));
  }

  static MattingHeadConfig mattingHead(ConfigFile file) {
    int in = file.size("in_channels");
    MattingHeadConfig.Feature feature =
        choice(
            file,
            "feature",
            MattingHeadConfig.Feature.CONV_ACT,
            List.of(MattingHeadConfig.Feature.values()),
            MattingHeadConfig.Feature::key);
    MattingHeadConfig.Activation activation =
        choice(
            file,
            "activation",
            MattingHeadConfig.Activation.SILU,
            List.of(MattingHeadConfig.Activation.values()),
            MattingHeadConfig.Activation::key);
    return file.make(
        () -> new MattingHeadConfig(in, file.size("hidden_channels", in), feature, activation));
  }

  private static <T> T choice(
      ConfigFile file, String key, T otherwise, List<T> all, Function<T, String> nameOf) {
    String name = file.text(key, nameOf.apply(otherwise));
    for (T value : all) {
      if (nameOf.apply(value).equals(name)) {
        return value;
      }
    }
    List<String> names = all.stream().map(nameOf).toList();
    throw file.error(key + " is '" + name + "', expected '" + String.join("' or '", names) + "'");
  }

  private static void isClass(ConfigFile file, String expected) {
    String found = file.text("_class_name", expected);
    if (!found.equals(expected)) {
      throw file.error("is of a " + found + ", expected " + expected);
    }
  }

  static ObjectNode json(UNetConfig c) {
    ObjectNode out = object("UNet2DConditionModel");
    out.put("act_fn", "silu");
    if (c.headsPerBlock().stream().distinct().count() == 1) {
      out.put("attention_head_dim", c.headsPerBlock().getFirst());
    } else {
      numbers(out, "attention_head_dim", c.headsPerBlock());
    }
    numbers(out, "block_out_channels", c.blockOutChannels());
    out.put("center_input_sample", false);
    out.put("cross_attention_dim", c.crossAttentionDim());
    texts(out, "down_block_types", types(c.downAttention(), "DownBlock2D"));
    out.put("downsample_padding", 1);
    out.put("flip_sin_to_cos", c.flipSinToCos());
    out.put("freq_shift", c.freqShift());
    out.put("in_channels", c.inChannels());
    out.put("layers_per_block", c.layersPerBlock());
    out.put("mid_block_scale_factor", 1);
    out.put("norm_eps", decimal(c.normEps()));
    out.put("norm_num_groups", c.normGroups());
    out.put("out_channels", c.outChannels());
    out.put("sample_size", c.sampleSize());
    texts(out, "up_block_types", types(c.upAttention(), "UpBlock2D"));
    return out;
  }

  static ObjectNode json(VaeConfig c) {
    ObjectNode out = object("AutoencoderKL");
    out.put("act_fn", "silu");
    numbers(out, "block_out_channels", c.blockOutChannels());
    texts(out, "down_block_types", Collections.nCopies(c.levels(), "DownEncoderBlock2D"));
    out.put("in_channels", c.inChannels());
    out.put("latent_channels", c.latentChannels());
    out.put("layers_per_block", c.layersPerBlock());
    out.put("norm_num_groups", c.normGroups());
    out.put("out_channels", c.outChannels());
    out.put("scaling_factor", c.scalingFactor());
    texts(out, "up_block_types", Collections.nCopies(c.levels(), "UpDecoderBlock2D"));
    return out;
  }

  static ObjectNode json(TextEncoderConfig c) {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    texts(out, "architectures", List.of("CLIPTextModel"));
    out.put("hidden_act", c.hiddenAct());
    out.put("hidden_size", c.hiddenSize());
    out.put("intermediate_size", c.intermediateSize());
    out.put("layer_norm_eps", decimal(c.layerNormEps()));
    out.put("max_position_embeddings", c.maxPositions());
    out.put("model_type", "clip_text_model");
    out.put("num_attention_heads", c.heads());
    out.put("num_hidden_layers", c.layers());
    out.put("projection_dim", c.hiddenSize());
    out.put("vocab_size", c.vocabSize());
    return out;
  }

  static ObjectNode json(MattingHeadConfig c) {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.put("in_channels", c.inChannels());
    out.put("hidden_channels", c.hiddenChannels());
    out.put("feature", c.feature().key());
    if (c.activation() != MattingHeadConfig.Activation.SILU) {
      out.put("activation", c.activation().key());
    }
    return out;
  }

  /** An object without members. */
  static ObjectNode empty() {
    return JsonNodeFactory.instance.objectNode();
  }

  /** The noise schedule that SD1.x was trained with, and the sampler that its folders name. */
  static ObjectNode scheduler() {
    ObjectNode out = object("PNDMScheduler");
    out.put("beta_end", 0.012);
    out.put("beta_schedule", "scaled_linear");
    out.put("beta_start", 0.00085);
    out.put("clip_sample", false);
    out.put("num_train_timesteps", 1000);
    out.put("set_alpha_to_one", false);
    out.put("skip_prk_steps", true);
    out.put("steps_offset", 1);
    out.putNull("trained_betas");
    return out;
  }

  /** The {@code model_index.json} of a folder. */
  static ObjectNode index() {
    ObjectNode out = object("StableDiffusionPipeline");
    out.putArray("feature_extractor").addNull().addNull();
    out.put("requires_safety_checker", false);
    out.putArray("safety_checker").addNull().addNull();
    pair(out, "scheduler", "diffusers", "PNDMScheduler");
    pair(out, "text_encoder", "transformers", "CLIPTextModel");
    pair(out, "tokenizer", "transformers", "CLIPTokenizer");
    pair(out, "unet", "diffusers", "UNet2DConditionModel");
    pair(out, "vae", "diffusers", "AutoencoderKL");
    return out;
  }

  private static void pair(ObjectNode out, String key, String library, String type) {
    texts(out, key, List.of(library, type));
  }

  private static ObjectNode object(String type) {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.put("_class_name", type);
    return out;
  }

  /** The shortest decimal of a float, so that 1e-5 does not become 9.999999747378752e-6. */
  private static double decimal(float value) {
    return Double.parseDouble(Float.toString(value));
  }

  private static List<String> types(List<Boolean> attention, String plain) {
    return attention.stream().map(yes -> yes ? "CrossAttn" + plain : plain).toList();
  }

  private static void numbers(ObjectNode out, String key, List<Integer> values) {
    values.forEach(out.putArray(key)::add);
  }

  private static void texts(ObjectNode out, String key, List<String> values) {
    values.forEach(out.putArray(key)::add);
  }
}
