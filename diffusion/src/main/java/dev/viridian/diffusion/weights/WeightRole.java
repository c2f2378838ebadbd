package dev.viridian.diffusion.weights;

import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.WeightSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a weight file is for, judged by the names and shapes of its tensors; no number is read.
 * Immutable.
 *
 * @param kind what it is
 * @param layout whose names it uses ({@code diffusers}, {@code ldm}, {@code kohya}, …); empty where
 *     there is one form only
 * @param details what else the names and shapes tell, in reading order
 */
public record WeightRole(Kind kind, String layout, Map<String, String> details) {
  /** Kinds of weight files. */
  public enum Kind {
    /** A whole Stable Diffusion 1.x: UNet, VAE and text encoder in one file. */
    STABLE_DIFFUSION_1("Stable Diffusion 1.x, single file"),
    /** A whole Stable Diffusion 2.x, which nothing here computes with. */
    STABLE_DIFFUSION_2("Stable Diffusion 2.x, single file (not supported)"),
    /** A whole Stable Diffusion XL, which nothing here computes with. */
    STABLE_DIFFUSION_XL("Stable Diffusion XL, single file (not supported)"),
    /** A noise predictor. */
    UNET("UNet"),
    /** An autoencoder between pictures and latents. */
    VAE("VAE"),
    /** CLIP's text tower. */
    TEXT_ENCODER("text encoder (CLIP)"),
    /** CLIP's image tower. */
    IMAGE_ENCODER("image encoder (CLIP)"),
    /** Stable Diffusion's safety checker. */
    SAFETY_CHECKER("safety checker"),
    /** A control network beside the UNet. */
    CONTROL_NET("ControlNet"),
    /** Changes to a model's weights in a compact form. */
    LORA("LoRA"),
    /** Vectors for new words of the prompt (textual inversion). */
    EMBEDDING("embedding (textual inversion)"),
    /** DiffuMatting's head on the VAE decoder's features. */
    MATTING_HEAD("matting head"),
    /** The BackgroundMattingV2 network. */
    BACKGROUND_MATTING_V2("BackgroundMattingV2"),
    /** The IndexNet matting network. */
    INDEX_NET("IndexNet matting"),
    /** A head that scores CLIP image embeddings. */
    AESTHETIC_HEAD("aesthetic score head"),
    /** None of these. */
    UNKNOWN("not recognised");

    private final String label;

    Kind(String label) {
      this.label = label;
    }

    /** What to call it in a sentence. */
    public String label() {
      return label;
    }
  }

  private static final Set<String> HEAD_KEYS =
      Set.of("conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias");
  private static final Set<FileType> FLOATS = EnumSet.of(FileType.F32, FileType.F16, FileType.BF16);
  private static final String LDM_UNET = "model.diffusion_model.";

  /** Copies the details. */
  public WeightRole {
    details = Collections.unmodifiableMap(new LinkedHashMap<>(details));
  }

  /** One line: kind, layout and details. */
  public String describe() {
    List<String> parts = new ArrayList<>();
    parts.add(kind.label());
    if (!layout.isEmpty()) {
      parts.add(layout + " names");
    }
    details.forEach((key, value) -> parts.add(key + " " + value));
    return String.join(", ", parts);
  }

  /** The role of a file or of a set of shards. */
  public static WeightRole of(WeightSource source) {
    return of(source.tensors(), source.metadata());
  }

  /**
   * The role of tensors under these names.
   *
   * @param metadata text beside them, such as what a trainer says of itself; may be empty
   */
  public static WeightRole of(Map<String, TensorInfo> tensors, Map<String, String> metadata) {
    WeightNames names = new WeightNames(tensors);
    WeightRole role = recognise(names, metadata);
    if (role.kind != Kind.UNKNOWN) {
      return role;
    }
    // Training and tracing wrap a model once more.
    for (String wrapper : List.of("state_dict.", "module.", "model.")) {
      if (names.allStartWith(wrapper)) {
        WeightRole inner = recognise(names.under(wrapper), metadata);
        if (inner.kind != Kind.UNKNOWN) {
          Map<String, String> details = new LinkedHashMap<>(inner.details);
          details.put("prefix", wrapper);
          return new WeightRole(inner.kind, inner.layout, details);
        }
      }
    }
    return role;
  }

  private static WeightRole recognise(WeightNames names, Map<String, String> metadata) {
    WeightRole lora = LoraFlavour.recognise(names, metadata);
    if (lora != null) {
      return lora;
    }
    WeightRole diffusion = stableDiffusion(names);
    if (diffusion != null) {
      return diffusion;
    }
    WeightRole matting = matting(names);
    if (matting != null) {
      return matting;
    }
    return clipAndSmall(names);
  }

  private static @Nullable WeightRole stableDiffusion(WeightNames names) {
    if (names.any("control_model.") || names.any("controlnet_mid_block.")) {
      boolean original = names.any("control_model.");
      Map<String, String> details =
          original
              ? unet(names, "control_model.input_blocks.0.0.weight", "control_model.")
              : unet(names, "conv_in.weight", "");
      if (names.any(LDM_UNET)) {
        details.put("holds", "a whole Stable Diffusion beside it");
      }
      return new WeightRole(Kind.CONTROL_NET, original ? "original" : "diffusers", details);
    }
    if (names.any(LDM_UNET)) {
      Map<String, String> details = unet(names, LDM_UNET + "input_blocks.0.0.weight", LDM_UNET);
      if (names.any("conditioner.") || names.any(LDM_UNET + "label_emb.")) {
        return new WeightRole(Kind.STABLE_DIFFUSION_XL, "ldm", details);
      }
      if (names.any("cond_stage_model.model.")) {
        return new WeightRole(Kind.STABLE_DIFFUSION_2, "ldm", details);
      }
      if (names.any("first_stage_model.") || names.any("vae.")) {
        if (names.any("model_ema.")) {
          details.put("holds", "averaged weights (model_ema) too");
        }
        if (!names.any("cond_stage_model.")) {
          details.put("lacks", "the text encoder");
        }
        return new WeightRole(Kind.STABLE_DIFFUSION_1, "ldm", details);
      }
      return new WeightRole(Kind.UNET, "ldm", details);
    }
    if (names.any("down_blocks.") && names.any("time_embedding.")) {
      return new WeightRole(Kind.UNET, "diffusers", unet(names, "conv_in.weight", ""));
    }
    if (names.any("input_blocks.") && names.any("output_blocks.")) {
      return new WeightRole(Kind.UNET, "ldm", unet(names, "input_blocks.0.0.weight", ""));
    }
    return vae(names);
  }

  private static @Nullable WeightRole vae(WeightNames names) {
    for (String prefix : List.of("", "first_stage_model.", "vae.")) {
      boolean diffusers = names.any(prefix + "decoder.up_blocks.");
      boolean ldm = names.any(prefix + "decoder.up.");
      if (diffusers || ldm) {
        Map<String, String> details = new LinkedHashMap<>();
        names.put(details, "latent channels", prefix + "decoder.conv_in.weight", 1);
        String last = prefix + (diffusers ? "decoder.conv_norm_out" : "decoder.norm_out");
        names.put(details, "base channels", last + ".weight", 0);
        if (!names.any(prefix + "encoder.")) {
          details.put("holds", "the decoder alone");
        }
        return new WeightRole(Kind.VAE, diffusers ? "diffusers" : "ldm", details);
      }
    }
    return null;
  }

  private static Map<String, String> unet(WeightNames names, String convIn, String prefix) {
    Map<String, String> details = new LinkedHashMap<>();
    names.put(details, "base channels", convIn, 0);
    Long in = names.size(convIn, 1);
    if (in != null && in != 4) {
      details.put("input channels", in + (in == 9 ? " (inpainting)" : ""));
    }
    String crossAttention = names.first(prefix, ".attn2.to_k.weight");
    if (crossAttention != null) {
      names.put(details, "context width", crossAttention, 1);
    }
    return details;
  }

  private static @Nullable WeightRole matting(WeightNames names) {
    boolean decoder = names.any("aspp.") && names.any("decoder.");
    if (names.any("backbone.") && (decoder || names.has("decoder.conv4.weight"))) {
      Map<String, String> details = new LinkedHashMap<>();
      details.put("backbone", backbone(names));
      names.put(details, "refiner kernel", "refiner.conv1.weight", 3);
      if (!names.any("refiner.")) {
        details.put("holds", "the base network alone, without refiner");
      }
      return new WeightRole(Kind.BACKGROUND_MATTING_V2, "", details);
    }
    if (names.any("dconv_pp.") && names.any("index0.")) {
      return new WeightRole(Kind.INDEX_NET, "", Map.of());
    }
    Long outputs = names.size("conv2.weight", 0);
    if (names.all().equals(HEAD_KEYS) && outputs != null && outputs == 1) {
      Map<String, String> details = new LinkedHashMap<>();
      names.put(details, "feature channels", "conv1.weight", 1);
      names.put(details, "hidden channels", "conv1.weight", 0);
      return new WeightRole(Kind.MATTING_HEAD, "", details);
    }
    return null;
  }

  private static String backbone(WeightNames names) {
    if (names.any("backbone.features.")) {
      return "MobileNetV2";
    }
    return names.any("backbone.layer3.6.") ? "ResNet-101" : "ResNet-50";
  }

  private static WeightRole clipAndSmall(WeightNames names) {
    Map<String, String> details = new LinkedHashMap<>();
    if (names.any("concept_embeds")) {
      return new WeightRole(Kind.SAFETY_CHECKER, "", details);
    }
    for (String prefix : List.of("", "text_model.", "cond_stage_model.transformer.text_model.")) {
      String embedding = prefix + "embeddings.token_embedding.weight";
      if (names.has(embedding)) {
        names.put(details, "width", embedding, 1);
        names.put(details, "words", embedding, 0);
        if (names.any("vision_model.")) {
          details.put("holds", "the image encoder too");
        }
        String layout = prefix.startsWith("cond_stage") ? "ldm" : "transformers";
        return new WeightRole(Kind.TEXT_ENCODER, layout, details);
      }
    }
    if (names.any("vision_model.") || names.any("visual.")) {
      boolean openai = names.any("visual.");
      String width = openai ? "visual.class_embedding" : "vision_model.embeddings.class_embedding";
      names.put(details, "width", width, 0);
      return new WeightRole(Kind.IMAGE_ENCODER, openai ? "openai" : "transformers", details);
    }
    if (isAestheticHead(names)) {
      return new WeightRole(Kind.AESTHETIC_HEAD, "", details);
    }
    return embedding(names);
  }

  private static boolean isAestheticHead(WeightNames names) {
    if (names.all().equals(Set.of("weight", "bias"))) {
      Long outputs = names.size("weight", 0);
      return outputs != null && outputs == 1;
    }
    Long outputs = names.size("layers.7.weight", 0);
    if (outputs == null) {
      outputs = names.size("layers.11.weight", 0);
    }
    return names.allStartWith("layers.") && outputs != null && outputs == 1;
  }

  private static WeightRole embedding(WeightNames names) {
    String vectors = names.first("string_to_param.", "");
    if (vectors == null && names.all().size() == 1) {
      vectors = names.all().iterator().next();
    }
    TensorInfo info = vectors == null ? null : names.info(vectors);
    boolean vectorsOfText =
        info != null
            && FLOATS.contains(info.type())
            && (info.rank() == 1 || info.rank() == 2)
            && info.shape().getLast() % 8 == 0; // as the widths of all text encoders
    if (vectors == null || info == null || !vectorsOfText) {
      return new WeightRole(Kind.UNKNOWN, "", Map.of());
    }
    Map<String, String> details = new LinkedHashMap<>();
    details.put("vectors", info.rank() == 1 ? "1" : info.shape().getFirst().toString());
    details.put("width", info.shape().getLast().toString());
    boolean named = vectors.startsWith("string_to_param") || vectors.equals("emb_params");
    if (!named) {
      details.put("placeholder", vectors);
    }
    return new WeightRole(Kind.EMBEDDING, named ? "a1111" : "diffusers", details);
  }
}
