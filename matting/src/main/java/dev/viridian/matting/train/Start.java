package dev.viridian.matting.train;

import dev.viridian.diffusion.text.ClipTokenizer;
import dev.viridian.diffusion.weights.ClipVocabulary;
import dev.viridian.diffusion.weights.Component;
import dev.viridian.diffusion.weights.MattingHeadConfig;
import dev.viridian.diffusion.weights.ModelConfigs;
import dev.viridian.diffusion.weights.ModelDefaults;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.diffusion.weights.ModelWriter;
import dev.viridian.diffusion.weights.VaeConfig;
import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.ModuleSource;
import dev.viridian.engine.random.TorchRandom;
import dev.viridian.matting.Fingerprint;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a run begins with: the networks, read from a model or drawn at random, and what belongs to
 * them. Not thread-safe.
 */
public final class Start implements AutoCloseable {
  private final @Nullable ModelFiles files;
  private final Networks networks;
  private final Device device;
  private final TorchRandom random;
  private final ClipTokenizer tokenizer;
  private final @Nullable Path tokenizerFolder;
  private final String fingerprint;

  private Start(
      @Nullable ModelFiles files,
      Networks networks,
      Device device,
      TorchRandom random,
      ClipTokenizer tokenizer,
      @Nullable Path tokenizerFolder,
      String fingerprint) {
    this.files = files;
    this.networks = networks;
    this.device = device;
    this.random = random;
    this.tokenizer = tokenizer;
    this.tokenizerFolder = tokenizerFolder;
    this.fingerprint = fingerprint;
  }

  /**
   * Begins.
   *
   * @param files the model that training begins with; null to draw every network. Closed with this,
   *     or before it throws.
   * @param configs the shapes of networks that are drawn, and of all if there is no model; null to
   *     keep the model's
   * @param newHead the head to draw where the model has none, or one of another kind
   * @param seed of what is drawn
   * @throws InputException if model and shapes do not fit
   */
  public static Start of(
      Stage stage,
      @Nullable ModelFiles files,
      @Nullable ModelConfigs configs,
      @Nullable MattingHeadConfig newHead,
      Device device,
      long seed) {
    Networks networks = null;
    try {
      ModelConfigs all = configs(stage, files, configs, newHead);
      TorchRandom random = new TorchRandom(seed);
      networks = new Networks(all);
      Set<Component> drawn = drawn(stage, files, all, networks.components());
      for (Component component : networks.components()) {
        if (drawn.contains(component)) {
          Initialisation.draw(component, networks.module(component), device, random);
        } else {
          networks.load(component, Objects.requireNonNull(files), device);
        }
      }
      int vocabulary = all.textEncoder().vocabSize();
      int positions = all.textEncoder().maxPositions();
      Path folder = files == null || configs != null ? null : files.tokenizer();
      ClipTokenizer tokenizer =
          (folder == null ? standard(vocabulary) : ClipTokenizer.load(folder))
              .withLength(positions);
      if (tokenizer.nextId() > vocabulary) {
        throw new InputException(
            "the tokenizer has "
                + tokenizer.nextId()
                + " tokens, the text encoder only "
                + vocabulary);
      }
      String fingerprint = files == null ? "drawn" : Fingerprint.of(files);
      return new Start(files, networks, device, random, tokenizer, folder, fingerprint + all);
    } catch (RuntimeException | Error e) {
      if (networks != null) {
        networks.close();
      }
      if (files != null) {
        files.close();
      }
      throw e;
    }
  }

  private static ModelConfigs configs(
      Stage stage,
      @Nullable ModelFiles files,
      @Nullable ModelConfigs given,
      @Nullable MattingHeadConfig newHead) {
    if (files == null) {
      if (given == null) {
        throw new InputException("neither a model nor the shapes of one (--config) are given");
      }
      return withHead(given, newHead == null ? given.mattingHead() : newHead);
    }
    ModelConfigs own = files.configs();
    MattingHeadConfig head = newHead == null ? own.mattingHead() : newHead;
    if (head == null && stage.trained().contains(Component.MATTING_HEAD)) {
      int channels = own.vae().blockOutChannels().getFirst();
      head = new MattingHeadConfig(channels, channels, MattingHeadConfig.Feature.CONV_ACT);
    }
    if (stage == Stage.SCRATCH && given != null) {
      own = new ModelConfigs(given.unet(), own.vae(), given.textEncoder(), own.mattingHead());
    } else if (given != null) {
      throw new InputException(
          "--config goes with --stage scratch or without --model; stage "
              + stage.key()
              + " keeps the model's shapes");
    }
    return withHead(own, head);
  }

  private static ModelConfigs withHead(ModelConfigs c, @Nullable MattingHeadConfig head) {
    return new ModelConfigs(c.unet(), c.vae(), c.textEncoder(), head);
  }

  /** What is not read from the model. */
  private static Set<Component> drawn(
      Stage stage, @Nullable ModelFiles files, ModelConfigs configs, Set<Component> all) {
    if (files == null) {
      return all;
    }
    Set<Component> drawn = EnumSet.noneOf(Component.class);
    if (stage == Stage.SCRATCH) {
      drawn.addAll(stage.trained());
    }
    MattingHeadConfig head = configs.mattingHead();
    if (head != null && !head.equals(files.configs().mattingHead())) {
      drawn.add(Component.MATTING_HEAD);
    }
    return drawn;
  }

  /** CLIP's tokenizer, cut to a vocabulary. */
  private static ClipTokenizer standard(int vocabulary) {
    if (vocabulary >= ClipVocabulary.SIZE) {
      return ClipTokenizer.standard();
    }
    try {
      Path folder = Files.createTempDirectory("viridian-tokenizer");
      try {
        ClipVocabulary.write(folder, vocabulary, ClipVocabulary.POSITIONS);
        return ClipTokenizer.load(folder);
      } finally {
        try (Stream<Path> list = Files.list(folder)) {
          for (Path file : list.toList()) {
            Files.delete(file);
          }
        }
        Files.delete(folder);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("the cut tokenizer cannot be written", e);
    }
  }

  /** The networks. */
  public Networks networks() {
    return networks;
  }

  /** Where they are. */
  public Device device() {
    return device;
  }

  /** The generator that drew what was drawn, and goes on to draw what training needs. */
  TorchRandom random() {
    return random;
  }

  /** The tokenizer of the captions. */
  public ClipTokenizer tokenizer() {
    return tokenizer;
  }

  /** Tells beginnings apart. */
  String fingerprint() {
    return fingerprint;
  }

  /** The scheduler's configuration: the noise table is read from it. */
  ObjectNode scheduler() {
    return files == null ? ModelConfigs.scheduler() : files.schedulerConfig();
  }

  /**
   * Writes the model as it is into a folder; after stage {@code vae} with its latents centred,
   * which the networks in memory, and so a run that goes on, know nothing of.
   */
  @SuppressWarnings("try") // the scope closes the folded weights
  void write(Path output, DataSetFolder data, TrainOptions options) {
    Map<Component, WeightSource> sources = new EnumMap<>(Component.class);
    try (MemoryScope scope = MemoryScope.open()) {
      ModelConfigs configs = networks.configs();
      Map<String, Tensor> folded = Map.of();
      if (options.stage() == Stage.VAE) {
        LatentFold fold = LatentFold.measure(networks.autoencoder(), device, data, options);
        folded = fold.weights(networks.autoencoder());
        configs = withScale(configs, 1);
      }
      for (Component component : networks.components()) {
        Map<String, Tensor> instead = component == Component.VAE ? folded : Map.of();
        sources.put(
            component, new ModuleSource(component.folder(), networks.module(component), instead));
      }
      ModelDefaults defaults = files == null ? null : files.defaults();
      ModelWriter.write(output, configs, sources, defaults, scheduler(), tokenizerFolder, null);
    } finally {
      sources.values().forEach(WeightSource::close);
    }
  }

  private static ModelConfigs withScale(ModelConfigs c, double scale) {
    VaeConfig v = c.vae();
    VaeConfig scaled =
        new VaeConfig(
            v.inChannels(),
            v.outChannels(),
            v.latentChannels(),
            v.blockOutChannels(),
            v.layersPerBlock(),
            v.normGroups(),
            scale);
    return new ModelConfigs(c.unet(), scaled, c.textEncoder(), c.mattingHead());
  }

  /** Closes networks and files. */
  @Override
  public void close() {
    networks.close();
    if (files != null) {
      files.close();
    }
  }
}
