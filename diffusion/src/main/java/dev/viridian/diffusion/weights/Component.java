package dev.viridian.diffusion.weights;

import dev.viridian.engine.io.TensorInfo;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The networks that a model is made of, and where files keep each of them. */
public enum Component {
  /** The noise predictor. */
  UNET("unet", "diffusion_pytorch_model", "diffusion_pytorch_model", "model.diffusion_model."),
  /** The autoencoder between pictures and latents. */
  VAE("vae", "diffusion_pytorch_model", "diffusion_pytorch_model", "first_stage_model.", "vae."),
  /** CLIP's text tower. */
  TEXT_ENCODER(
      "text_encoder",
      "model",
      "pytorch_model",
      "cond_stage_model.transformer.text_model.",
      "cond_stage_model.transformer."),
  /** DiffuMatting's head; a model may lack it. */
  MATTING_HEAD("matting_head", "model", "pytorch_model", "matting_head."),
  /** The BackgroundMattingV2 network that refines a coarse matte; a model may lack it. */
  GREEN_POST("green_post", "model", "pytorch_model", "green_post.");

  private final String folder;
  private final String safetensors;
  private final String pickle;
  private final List<String> prefixes;

  Component(String folder, String safetensors, String pickle, String... prefixes) {
    this.folder = folder;
    this.safetensors = safetensors;
    this.pickle = pickle;
    this.prefixes = List.of(prefixes);
  }

  /** Its folder in a model folder, and its name in messages. */
  public String folder() {
    return folder;
  }

  /** Whether a model may lack it. */
  boolean optional() {
    return this == MATTING_HEAD || this == GREEN_POST;
  }

  /** The file that its weights are written to in its folder. */
  String weightFile() {
    return safetensors + ".safetensors";
  }

  /** The files that may hold its weights, the best first; {@code .index.} ones name shards. */
  List<String> weightFiles() {
    return List.of(
        safetensors + ".safetensors",
        safetensors + ".safetensors.index.json",
        safetensors + ".fp16.safetensors",
        safetensors + ".safetensors.index.fp16.json",
        pickle + ".bin",
        pickle + ".bin.index.json",
        pickle + ".fp16.bin",
        pickle + ".bin.index.fp16.json");
  }

  /** The file in {@code folder} that holds the weights or names their shards, or null. */
  @Nullable Path weightFile(Path folder) {
    for (String name : weightFiles()) {
      if (Files.isRegularFile(folder.resolve(name))) {
        return folder.resolve(name);
      }
    }
    return null;
  }

  /** What its keys begin with in a single file that we write. */
  String singlePrefix() {
    return prefixes.getFirst();
  }

  /** What its keys begin with in that single file, or null where it has none of them. */
  @Nullable String singlePrefix(Map<String, TensorInfo> tensors) {
    return firstPrefix(prefixes, tensors);
  }

  /** What its keys begin with in a file of its own. */
  String folderPrefix(Map<String, TensorInfo> tensors) {
    String prefix = firstPrefix(List.of(writtenFolderPrefix()), tensors);
    return prefix == null ? "" : prefix;
  }

  /** What its keys begin with in a file of its own that we write. */
  String writtenFolderPrefix() {
    return this == TEXT_ENCODER ? "text_model." : "";
  }

  private static @Nullable String firstPrefix(
      List<String> prefixes, Map<String, TensorInfo> tensors) {
    for (String prefix : prefixes) {
      for (String key : tensors.keySet()) {
        if (key.startsWith(prefix)) {
          return prefix;
        }
      }
    }
    return null;
  }

  /**
   * Whether a key, its prefix removed, is known and not needed: numbers that follow from the shape,
   * parts of a larger model, what training left behind.
   */
  boolean ignores(String key) {
    return switch (this) {
      case TEXT_ENCODER ->
          key.equals(POSITION_IDS)
              || key.equals("logit_scale")
              || key.equals("text_projection.weight")
              || key.equals("visual_projection.weight")
              || key.startsWith("vision_model.");
      case VAE -> key.startsWith("loss.") || key.startsWith("model_ema.");
      case UNET, MATTING_HEAD, GREEN_POST -> false;
    };
  }

  /** The counter 0, 1, … that some text encoders carry. */
  static final String POSITION_IDS = "embeddings.position_ids";
}
