package dev.viridian.diffusion.weights;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.Text;
import dev.viridian.engine.io.WeightSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * A model as it lies on disk: the shapes of its networks, their weights under the names they have
 * here, the scheduler's configuration and the tokenizer's folder. It is checked when it is opened:
 * that it is of the SD1.x family, that every tensor is there with the shape that the configuration
 * asks for and none beside, and that the networks fit one another.
 *
 * <p>The weight sources are views that live until {@link #close}; closing one does nothing. All
 * methods but {@link #close} may be called from several threads at once.
 */
public final class ModelFiles implements AutoCloseable {
  static final String EXPECTED =
      "expected a Stable Diffusion 1.x model: a folder with unet/, vae/, text_encoder/ and"
          + " tokenizer/, or a single .safetensors or .ckpt file";

  private final String name;
  private final ModelConfigs configs;
  private final Map<Component, ObjectNode> json;
  private final ObjectNode scheduler;
  private final ModelDefaults defaults;
  private final List<Path> tokenizers;
  private final Map<Component, RenamedWeights> weights;
  private final List<WeightSource> opened;
  private @Nullable Path temporary;

  /**
   * Puts a model together.
   *
   * @param name what to call it in messages
   * @param json the configuration file of each network, as it is or would be
   * @param defaults of a run with it
   * @param tokenizers folders in which to look for the tokenizer, the best first
   * @param opened what to close with it
   */
  ModelFiles(
      String name,
      ModelConfigs configs,
      Map<Component, ObjectNode> json,
      ObjectNode scheduler,
      ModelDefaults defaults,
      List<Path> tokenizers,
      Map<Component, RenamedWeights> weights,
      List<WeightSource> opened) {
    this.name = name;
    this.configs = configs;
    this.json = new EnumMap<>(json);
    this.scheduler = scheduler;
    this.defaults = defaults;
    this.tokenizers = List.copyOf(tokenizers);
    this.weights = new EnumMap<>(weights);
    this.opened = List.copyOf(opened);
  }

  /**
   * Opens a diffusers folder, an entry of Hugging Face's cache, or a single file in the original
   * layout.
   *
   * @throws InputException in one line, if it is none of them or not sound
   */
  public static ModelFiles open(Path model) {
    return open(model, null);
  }

  /**
   * Opens a model.
   *
   * @param config for a single file, the folder with its configuration: {@code unet/config.json},
   *     {@code tokenizer/} and so on, what is absent being read off the file's shapes; null to look
   *     for {@code NAME-config/} beside the file
   * @throws InputException in one line, if it is no model or not sound
   */
  public static ModelFiles open(Path model, @Nullable Path config) {
    if (!Files.exists(model)) {
      throw new InputException(Text.line(model.toString()) + ": no such file or folder");
    }
    if (config != null && !Files.isDirectory(config)) {
      throw new InputException(
          Text.line(config.toString()) + ": no such folder, expected one with unet/config.json");
    }
    if (!Files.isDirectory(model)) {
      return SingleFileModel.open(model, config);
    }
    if (config != null) {
      throw new InputException(
          Text.line(model.toString()) + ": is a folder, which has its configuration in itself");
    }
    return ModelFolder.open(HubCache.isEntry(model) ? HubCache.snapshot(model) : model);
  }

  /**
   * Opens a folder in diffusers' layout that was made for this alone: it is deleted when the model
   * is closed, or before this throws.
   */
  public static ModelFiles openTemporary(Path folder) {
    try {
      ModelFiles files = open(folder);
      files.temporary = folder;
      return files;
    } catch (RuntimeException | Error e) {
      deleteTemporary(folder);
      throw e;
    }
  }

  /** Deletes such a folder that is not to be opened; a failure is logged. */
  public static void deleteTemporary(Path folder) {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    } catch (IOException | UncheckedIOException e) {
      System.getLogger(ModelFiles.class.getName())
          .log(System.Logger.Level.WARNING, "cannot delete " + folder, e);
    }
  }

  /** What to call the model in a message, on one line. */
  public String describe() {
    return name;
  }

  /** The shapes of its networks. */
  public ModelConfigs configs() {
    return configs;
  }

  /** The scheduler's configuration as its file has it; a fresh copy. */
  public ObjectNode schedulerConfig() {
    return scheduler.deepCopy();
  }

  /** How it is run where nothing else is asked for. */
  public ModelDefaults defaults() {
    return defaults;
  }

  /** The weights of the noise predictor. */
  public WeightSource unet() {
    return Objects.requireNonNull(weights.get(Component.UNET));
  }

  /** The weights of the autoencoder. */
  public WeightSource vae() {
    return Objects.requireNonNull(weights.get(Component.VAE));
  }

  /** The weights of the text encoder, under names without {@code text_model.}. */
  public WeightSource textEncoder() {
    return Objects.requireNonNull(weights.get(Component.TEXT_ENCODER));
  }

  /** The weights of the matting head, or null where the model has none. */
  public @Nullable WeightSource mattingHead() {
    return weights.get(Component.MATTING_HEAD);
  }

  /** The weights of the network that refines a coarse matte, or null where the model has none. */
  public @Nullable WeightSource greenPost() {
    return weights.get(Component.GREEN_POST);
  }

  /** That network's configuration; empty where the model has none. */
  public ObjectNode greenPostConfig() {
    return json(Component.GREEN_POST);
  }

  /**
   * The folder with vocab.json and merges.txt, or null if there is none and the text encoder is
   * made for CLIP's own tokenizer ({@link ClipVocabulary}).
   *
   * @throws InputException if a folder has but one of the two, or there is none and the text
   *     encoder is made for another tokenizer; says where to put it
   */
  public @Nullable Path tokenizer() {
    for (Path folder : tokenizers) {
      boolean vocabulary = Files.isRegularFile(folder.resolve("vocab.json"));
      boolean merges = Files.isRegularFile(folder.resolve("merges.txt"));
      if (vocabulary && merges) {
        return folder;
      }
      if (vocabulary || merges) {
        throw new InputException(
            Text.line(folder + "/")
                + ": has "
                + (vocabulary ? "vocab.json but no merges.txt" : "merges.txt but no vocab.json"));
      }
    }
    if (configs.textEncoder().vocabSize() == ClipVocabulary.SIZE) {
      return null;
    }
    throw new InputException(
        name
            + ": has no tokenizer, and its text encoder knows "
            + configs.textEncoder().vocabSize()
            + " tokens, CLIP's tokenizer "
            + ClipVocabulary.SIZE
            + "; put vocab.json and merges.txt into "
            + (tokenizers.isEmpty() ? "a folder" : Text.line(tokenizers.getFirst() + "/")));
  }

  /** The weights of each network that it has. */
  Map<Component, RenamedWeights> weights() {
    return weights;
  }

  /** The configuration file of a network as it is or would be; empty where there is none. */
  ObjectNode json(Component component) {
    ObjectNode found = json.get(component);
    return found == null ? ComponentConfigs.empty() : found.deepCopy();
  }

  /**
   * Sees whether all files still have what was there when they were opened.
   *
   * @throws dev.viridian.engine.InputException if one was cut by another process
   */
  public void requireWhole() {
    opened.forEach(WeightSource::requireWhole);
  }

  /** Releases all files. Nothing that the sources gave out may be used any more. */
  @Override
  public void close() {
    opened.forEach(WeightSource::close);
    if (temporary != null) {
      deleteTemporary(temporary);
      temporary = null;
    }
  }
}
