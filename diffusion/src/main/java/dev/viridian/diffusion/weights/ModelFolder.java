package dev.viridian.diffusion.weights;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.Text;
import dev.viridian.engine.io.WeightFiles;
import dev.viridian.engine.io.WeightSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.node.ObjectNode;

/** Opens a model that is a diffusers folder. */
final class ModelFolder {
  private final Path folder;
  private final Map<Component, ObjectNode> json = new EnumMap<>(Component.class);

  private ModelFolder(Path folder) {
    this.folder = folder;
  }

  static ModelFiles open(Path folder) {
    refuseOther(folder);
    List<WeightSource> opened = new ArrayList<>();
    try {
      return new ModelFolder(folder).open(opened);
    } catch (RuntimeException | Error e) {
      opened.forEach(WeightSource::close);
      throw e;
    }
  }

  private ModelFiles open(List<WeightSource> opened) {
    String name = Text.line(folder.toString());
    ModelConfigs configs = configs(name);
    Map<Component, RenamedWeights> weights = new EnumMap<>(Component.class);
    for (Component component : Component.values()) {
      if (component.optional() && !has(component)) {
        continue;
      }
      WeightSource source = WeightFiles.open(weightFile(component));
      opened.add(source);
      if (component == Component.GREEN_POST) {
        json.put(component, config(component).json());
        weights.put(component, RenamedWeights.under("", source));
      } else {
        RenamedWeights view = RenamedWeights.folder(component, configs.tensors(component), source);
        view.check(Text.line(configPath(component).toString()));
        weights.put(component, view);
      }
    }
    Path schedule = folder.resolve("scheduler/scheduler_config.json");
    ObjectNode scheduler =
        Files.exists(schedule) ? ConfigFile.read(schedule).json() : ComponentConfigs.scheduler();
    return new ModelFiles(
        name,
        configs,
        json,
        scheduler,
        ModelDefaults.of(configs, folder),
        List.of(folder.resolve("tokenizer")),
        weights,
        opened);
  }

  private ModelConfigs configs(String name) {
    UNetConfig unet = ComponentConfigs.unet(config(Component.UNET));
    VaeConfig vae = ComponentConfigs.vae(config(Component.VAE));
    TextEncoderConfig text = ComponentConfigs.textEncoder(config(Component.TEXT_ENCODER));
    MattingHeadConfig head =
        has(Component.MATTING_HEAD)
            ? ComponentConfigs.mattingHead(config(Component.MATTING_HEAD))
            : null;
    try {
      return new ModelConfigs(unet, vae, text, head);
    } catch (IllegalArgumentException e) {
      throw new InputException(name + ": " + e.getMessage(), e);
    }
  }

  /** Says what a folder is that is no model of this family. */
  private static void refuseOther(Path folder) {
    String name = Text.line(folder.toString());
    Path index = folder.resolve("model_index.json");
    if (Files.exists(index)) {
      String type = ConfigFile.read(index).text("_class_name", "StableDiffusionPipeline");
      for (String other : List.of("transformer", "text_encoder_2", "prior", "movq")) {
        if (Files.isDirectory(folder.resolve(other))) {
          throw new InputException(name + ": is a " + Text.line(type) + "; " + ModelFiles.EXPECTED);
        }
      }
      return;
    }
    if (Files.isDirectory(folder.resolve("unet"))) {
      return;
    }
    String what = "has neither model_index.json nor unet/";
    Path alone = folder.resolve("config.json");
    if (Files.exists(folder.resolve("adapter_config.json"))) {
      what = "is an adapter (LoRA)";
    } else if (Files.exists(alone)) {
      ConfigFile config = ConfigFile.read(alone);
      String type = config.text("_class_name", config.text("model_type", "network"));
      what = "holds one network alone (" + Text.line(type) + ")";
    }
    throw new InputException(name + ": " + what + "; " + ModelFiles.EXPECTED);
  }

  private boolean has(Component component) {
    return Files.isDirectory(folder.resolve(component.folder()));
  }

  private ConfigFile config(Component component) {
    ConfigFile file = ConfigFile.read(configPath(component));
    json.put(component, file.json());
    return file;
  }

  private Path configPath(Component component) {
    return folder.resolve(component.folder()).resolve("config.json");
  }

  private Path weightFile(Component component) {
    Path inside = folder.resolve(component.folder());
    Path found = component.weightFile(inside);
    if (found == null) {
      List<String> whole = new ArrayList<>(component.weightFiles());
      whole.removeIf(name -> name.contains(".index."));
      throw new InputException(
          Text.line(inside.toString())
              + ": no weights, expected one of "
              + String.join(", ", whole));
    }
    return found;
  }
}
