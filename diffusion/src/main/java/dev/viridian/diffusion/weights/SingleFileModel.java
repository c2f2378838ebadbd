package dev.viridian.diffusion.weights;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.Text;
import dev.viridian.engine.io.WeightFiles;
import dev.viridian.engine.io.WeightSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * Opens a model that is one file in the original layout. Its configuration, which the file lacks,
 * comes from a folder beside it as far as there is one, else from the shapes.
 */
final class SingleFileModel {
  private final WeightSource source;
  private final @Nullable Path config;
  private final Path expectedConfig;
  private final Map<Component, ObjectNode> json = new EnumMap<>(Component.class);

  private SingleFileModel(WeightSource source, @Nullable Path config, Path expectedConfig) {
    this.source = source;
    this.config = config;
    this.expectedConfig = expectedConfig;
  }

  static ModelFiles open(Path file, @Nullable Path config) {
    WeightSource source = WeightFiles.open(file);
    try {
      refuseOther(source);
      Path beside = configFolder(file);
      Path found = config == null && Files.isDirectory(beside) ? beside : config;
      return new SingleFileModel(source, found, found == null ? beside : found).open(file);
    } catch (RuntimeException | Error e) {
      source.close();
      throw e;
    }
  }

  /** The folder beside a single file that holds its configuration: {@code NAME-config}. */
  static Path configFolder(Path file) {
    String name = String.valueOf(file.getFileName());
    int dot = name.lastIndexOf('.');
    return file.resolveSibling((dot > 0 ? name.substring(0, dot) : name) + "-config");
  }

  private static void refuseOther(WeightSource source) {
    WeightRole role = WeightRole.of(source);
    if (role.kind() != WeightRole.Kind.STABLE_DIFFUSION_1) {
      String what =
          role.kind() == WeightRole.Kind.UNKNOWN
              ? "its tensors are of no model known here"
              : "is " + role.describe();
      throw new InputException(source.describe() + ": " + what + "; " + ModelFiles.EXPECTED);
    }
  }

  private ModelFiles open(Path file) {
    for (Component component : Component.values()) {
      if (!component.optional() && component.singlePrefix(source.tensors()) == null) {
        throw new InputException(
            source.describe()
                + ": has no "
                + component.folder()
                + ", no key begins with "
                + component.singlePrefix());
      }
    }
    ModelConfigs configs = configs();
    Map<Component, RenamedWeights> weights = new EnumMap<>(Component.class);
    for (Component component : Component.values()) {
      String prefix = component.singlePrefix(source.tensors());
      if (prefix == null) {
        continue;
      }
      if (component == Component.GREEN_POST) {
        ConfigFile given = given(component);
        json.put(component, given == null ? ComponentConfigs.empty() : given.json());
        weights.put(component, RenamedWeights.under(prefix, source));
      } else {
        RenamedWeights view = RenamedWeights.single(component, configs.tensors(component), source);
        Path from = configPath(component);
        view.check(from == null ? "the shape it has elsewhere" : Text.line(from.toString()));
        weights.put(component, view);
      }
    }
    Path schedule = config == null ? null : config.resolve("scheduler/scheduler_config.json");
    ObjectNode scheduler =
        schedule != null && Files.exists(schedule)
            ? ConfigFile.read(schedule).json()
            : ComponentConfigs.scheduler();
    return new ModelFiles(
        source.describe(),
        configs,
        json,
        scheduler,
        ModelDefaults.of(configs, config),
        List.of(
            expectedConfig.resolve("tokenizer"),
            file.resolveSibling("tokenizer"),
            file.resolveSibling("model").resolve("tokenizer")),
        weights,
        List.of(source));
  }

  private ModelConfigs configs() {
    UNetConfig unet =
        config(
            Component.UNET,
            ComponentConfigs::unet,
            () -> InferredConfigs.unet(source),
            ComponentConfigs::json);
    VaeConfig vae =
        config(
            Component.VAE,
            ComponentConfigs::vae,
            () -> InferredConfigs.vae(source),
            ComponentConfigs::json);
    Path textPath = expectedConfig.resolve("text_encoder/config.json");
    TextEncoderConfig text =
        config(
            Component.TEXT_ENCODER,
            ComponentConfigs::textEncoder,
            () -> InferredConfigs.textEncoder(source, Text.line(textPath.toString())),
            ComponentConfigs::json);
    MattingHeadConfig head = null;
    if (Component.MATTING_HEAD.singlePrefix(source.tensors()) != null) {
      head =
          config(
              Component.MATTING_HEAD,
              ComponentConfigs::mattingHead,
              () -> InferredConfigs.mattingHead(source),
              ComponentConfigs::json);
    }
    try {
      return new ModelConfigs(unet, vae, text, head);
    } catch (IllegalArgumentException e) {
      throw new InputException(source.describe() + ": " + e.getMessage(), e);
    }
  }

  private <T> T config(
      Component component,
      Function<ConfigFile, T> read,
      Supplier<T> infer,
      Function<T, ObjectNode> write) {
    ConfigFile given = given(component);
    if (given == null) {
      T inferred = infer.get();
      json.put(component, write.apply(inferred));
      return inferred;
    }
    json.put(component, given.json());
    return read.apply(given);
  }

  private @Nullable ConfigFile given(Component component) {
    Path path = configPath(component);
    return path == null ? null : ConfigFile.read(path);
  }

  /** The configuration file of a network, or null where there is none. */
  private @Nullable Path configPath(Component component) {
    if (config == null) {
      return null;
    }
    Path path = config.resolve(component.folder()).resolve("config.json");
    return Files.exists(path) ? path : null;
  }
}
