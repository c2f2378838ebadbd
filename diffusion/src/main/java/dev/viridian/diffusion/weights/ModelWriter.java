package dev.viridian.diffusion.weights;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.FileErrors;
import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.SafetensorsWriter;
import dev.viridian.engine.io.Text;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.engine.io.WriteException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes a model into a folder that may hold other things, as training does: each network's folder
 * is written beside and moved into place, {@code model_index.json} last. Stateless.
 */
public final class ModelWriter {
  private ModelWriter() {}

  /**
   * Writes a model.
   *
   * @param target a folder that exists; an older model in it is replaced
   * @param weights of the text encoder, the UNet, the autoencoder and, if the configuration has
   *     one, the matting head, under today's names
   * @param defaults of a run with it; null for the usual ones
   * @param scheduler the scheduler's configuration; null for that of SD1.x
   * @param tokenizer a folder with the tokenizer's files, or null for CLIP's own, cut to the text
   *     encoder's vocabulary
   * @param type of the weights in the files; null to keep theirs
   * @throws InputException if it cannot be written there
   * @throws WriteException if writing fails once it has begun
   */
  public static void write(
      Path target,
      ModelConfigs configs,
      Map<Component, WeightSource> weights,
      @Nullable ModelDefaults defaults,
      @Nullable ObjectNode scheduler,
      @Nullable Path tokenizer,
      @Nullable FileType type) {
    Path inside = target.resolve(".model");
    long bytes = 0;
    for (WeightSource source : weights.values()) {
      bytes += source.tensors().values().stream().mapToLong(i -> TensorCopy.bytes(i, type)).sum();
    }
    try (StagedFolder staged = StagedFolder.begin(inside, true, bytes)) {
      ObjectNode index = ComponentConfigs.index();
      if (defaults != null) {
        defaults.addTo(index);
      }
      staged.write("model_index.json", index);
      staged.write(
          "scheduler/scheduler_config.json",
          scheduler == null ? ComponentConfigs.scheduler() : scheduler);
      if (tokenizer == null) {
        TextEncoderConfig text = configs.textEncoder();
        staged.tokenizer(text.vocabSize(), text.maxPositions());
      } else {
        staged.tokenizer(tokenizer);
      }
      weights.forEach(
          (component, source) -> {
            staged.write(component.folder() + "/config.json", json(configs, component));
            SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
            for (TensorName name : configs.tensors(component)) {
              TensorCopy.add(
                  writer,
                  source,
                  name.name(),
                  component.writtenFolderPrefix() + name.writtenFolderName(),
                  name.shape(),
                  type);
            }
            writer.write(staged.file(component.folder() + "/" + component.weightFile()));
          });
      place(staged, target, weights);
    }
  }

  private static ObjectNode json(ModelConfigs configs, Component component) {
    return switch (component) {
      case UNET -> ComponentConfigs.json(configs.unet());
      case VAE -> ComponentConfigs.json(configs.vae());
      case TEXT_ENCODER -> ComponentConfigs.json(configs.textEncoder());
      case MATTING_HEAD -> {
        MattingHeadConfig head = configs.mattingHead();
        if (head == null) {
          throw new IllegalArgumentException("weights of a matting head, but no configuration");
        }
        yield ComponentConfigs.json(head);
      }
      case GREEN_POST -> throw new IllegalArgumentException("green_post is not written here");
    };
  }

  private static void place(
      StagedFolder staged, Path target, Map<Component, WeightSource> weights) {
    try {
      Files.deleteIfExists(target.resolve("model_index.json"));
      for (Component component : weights.keySet()) {
        replace(staged.file(component.folder() + "/config.json").getParent(), target);
      }
      for (String folder : List.of("scheduler", "tokenizer")) {
        replace(staged.file(folder + "/x").getParent(), target);
      }
      Files.move(
          staged.file("model_index.json"),
          target.resolve("model_index.json"),
          StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new WriteException(
          Text.line(target.toString()) + ": cannot be written: " + FileErrors.reason(e), e);
    }
  }

  /** Moves a folder into another; one of its name goes first. */
  private static void replace(Path folder, Path target) throws IOException {
    Path place = target.resolve(folder.getFileName());
    if (Files.exists(place)) {
      Path old = folder.resolveSibling(folder.getFileName() + ".old");
      Files.move(place, old, StandardCopyOption.ATOMIC_MOVE); // goes with what was staged
    }
    Files.move(folder, place, StandardCopyOption.ATOMIC_MOVE);
  }
}
