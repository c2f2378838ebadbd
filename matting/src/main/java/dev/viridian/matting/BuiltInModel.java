package dev.viridian.matting;

import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The small model that comes in the jar: a folder in diffusers' layout among the resources. It is
 * unpacked into a temporary folder, which goes when the model is closed, since files are mapped.
 */
public final class BuiltInModel {
  /** What records call it. */
  public static final String NAME = "viridian-small";

  /** Its files. */
  static final List<String> FILES =
      List.of(
          "model_index.json",
          "scheduler/scheduler_config.json",
          "tokenizer/vocab.json",
          "tokenizer/merges.txt",
          "text_encoder/config.json",
          "text_encoder/model.safetensors",
          "unet/config.json",
          "unet/diffusion_pytorch_model.safetensors",
          "vae/config.json",
          "vae/diffusion_pytorch_model.safetensors",
          "matting_head/config.json",
          "matting_head/model.safetensors");

  private BuiltInModel() {}

  /** Whether this build has one. */
  public static boolean exists() {
    return BuiltInModel.class.getResource("model/" + FILES.getFirst()) != null;
  }

  /**
   * Opens it.
   *
   * @return to be closed; its temporary files go with it
   * @throws InputException if this build has none, or it cannot be unpacked
   */
  public static ModelFiles open() {
    return open(name -> BuiltInModel.class.getResourceAsStream("model/" + name));
  }

  /**
   * Opens a model whose files are streams.
   *
   * @param files gives the content of each of {@link #FILES}, null for one that is not there
   */
  static ModelFiles open(Function<String, @Nullable InputStream> files) {
    Path folder = null;
    try {
      folder = Files.createTempDirectory("viridian-model-");
      for (String name : FILES) {
        try (InputStream in = files.apply(name)) {
          if (in == null) {
            throw new InputException(
                "--model is missing, and this build has no model of its own (no "
                    + name
                    + " in the jar); give a folder in diffusers' layout, a single file, or"
                    + " ORG/NAME in the Hugging Face cache");
          }
          Path file = folder.resolve(name);
          Files.createDirectories(file.getParent());
          Files.copy(in, file);
        }
      }
    } catch (InputException e) {
      ModelFiles.deleteTemporary(Objects.requireNonNull(folder));
      throw e;
    } catch (IOException e) {
      if (folder != null) {
        ModelFiles.deleteTemporary(folder);
      }
      throw new InputException(
          "the model in the jar cannot be unpacked into "
              + System.getProperty("java.io.tmpdir")
              + ": "
              + e.getMessage()
              + "; -Djava.io.tmpdir names another folder, --model another model",
          e);
    }
    return ModelFiles.openTemporary(folder);
  }
}
