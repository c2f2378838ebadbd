package dev.viridian.diffusion.weights;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.SafetensorsWriter;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.kernels.DType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * A model whose weights are computed from their names: full-size networks for timing and for
 * comparison with other engines, where no weights can be had. Their activations are of ordinary
 * size; pictures look like noise. Immutable.
 *
 * @param configs the shapes of the networks
 * @param dtype the type of the weights: F32, F16 or BF16
 */
public record FormulaModel(ModelConfigs configs, DType dtype) {
  /**
   * The model without any file.
   *
   * @param tokenizer a folder with vocab.json and merges.txt, or null for CLIP's own
   */
  public ModelFiles open(@Nullable Path tokenizer) {
    Map<Component, RenamedWeights> weights = new EnumMap<>(Component.class);
    List<WeightSource> opened = new ArrayList<>();
    for (Component component : components()) {
      FormulaSource source = source(component);
      opened.add(source);
      // the names that the formula is given are ours, so that nothing is translated
      weights.put(component, RenamedWeights.under("", source));
    }
    return new ModelFiles(
        "formula model",
        configs,
        json(),
        ComponentConfigs.scheduler(),
        ModelDefaults.of(configs),
        tokenizer == null ? List.of() : List.of(tokenizer),
        weights,
        opened);
  }

  /**
   * Writes the model as a diffusers folder; all of it or nothing.
   *
   * @param folder what to write; must not exist
   * @param tokenizer a folder whose files are copied to {@code tokenizer/}, or null for CLIP's own
   *     if the text encoder is made for it, else none
   * @throws InputException if the folder exists or cannot be written
   */
  public void write(Path folder, @Nullable Path tokenizer) {
    try (StagedFolder staged = StagedFolder.begin(folder, false, bytes())) {
      staged.write("model_index.json", ComponentConfigs.index());
      staged.write("scheduler/scheduler_config.json", ComponentConfigs.scheduler());
      if (tokenizer != null || configs.textEncoder().vocabSize() == ClipVocabulary.SIZE) {
        staged.tokenizer(tokenizer);
      }
      json().forEach((component, json) -> staged.write(component.folder() + "/config.json", json));
      for (Component component : components()) {
        try (FormulaSource source = source(component)) {
          SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
          for (TensorName name : configs.tensors(component)) {
            TensorCopy.add(
                writer,
                source,
                name.name(),
                component.writtenFolderPrefix() + name.writtenFolderName(),
                name.shape(),
                null);
          }
          writer.write(staged.file(component.folder() + "/" + component.weightFile()));
        }
      }
      staged.commit();
    }
  }

  /** Size of all weights in bytes. */
  public long bytes() {
    long elements = 0;
    for (Component component : components()) {
      for (TensorName name : configs.tensors(component)) {
        elements += name.elements();
      }
    }
    return elements * dtype.bytes();
  }

  private List<Component> components() {
    return configs.mattingHead() == null
        ? List.of(Component.UNET, Component.VAE, Component.TEXT_ENCODER)
        : List.of(Component.UNET, Component.VAE, Component.TEXT_ENCODER, Component.MATTING_HEAD);
  }

  private FormulaSource source(Component component) {
    return FormulaSource.of(component, configs.tensors(component), dtype);
  }

  private Map<Component, ObjectNode> json() {
    Map<Component, ObjectNode> json = new EnumMap<>(Component.class);
    json.put(Component.UNET, ComponentConfigs.json(configs.unet()));
    json.put(Component.VAE, ComponentConfigs.json(configs.vae()));
    json.put(Component.TEXT_ENCODER, ComponentConfigs.json(configs.textEncoder()));
    MattingHeadConfig head = configs.mattingHead();
    if (head != null) {
      json.put(Component.MATTING_HEAD, ComponentConfigs.json(head));
    }
    return json;
  }
}
