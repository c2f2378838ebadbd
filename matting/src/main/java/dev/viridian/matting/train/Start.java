package dev.viridian.matting.train;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.text.ClipTokenizer;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.diffusion.weights.ClipVocabulary;
import dev.viridian.diffusion.weights.Component;
import dev.viridian.diffusion.weights.MattingHeadConfig;
import dev.viridian.diffusion.weights.ModelConfigs;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.diffusion.weights.ModelWriter;
import dev.viridian.diffusion.weights.VaeConfig;
import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.ModuleSource;
import dev.viridian.engine.random.TorchRandom;
import dev.viridian.matting.Fingerprint;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a run begins with: the networks, read from a model or drawn at random, and what belongs to
 * them. Not thread-safe.
 */
public final class Start implements AutoCloseable {
  private static final int MEASURED = 256;

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
          networks.load(component, java.util.Objects.requireNonNull(files), device);
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

  /** Writes the model into a folder, some weights replaced by others of their name. */
  void write(Path output, Map<String, Tensor> instead, DataSetFolder data, TrainOptions options) {
    Map<Component, WeightSource> sources = new EnumMap<>(Component.class);
    try {
      for (Component component : networks.components()) {
        String prefix = component.folder() + ".";
        Map<String, Tensor> own = new HashMap<>();
        instead.forEach(
            (name, tensor) -> {
              if (name.startsWith(prefix)) {
                own.put(name.substring(prefix.length()), tensor);
              }
            });
        sources.put(
            component, new ModuleSource(component.folder(), networks.module(component), own));
      }
      ModelConfigs configs = networks.configs();
      if (options.stage() == Stage.VAE) {
        configs = withScale(configs, data, options);
      }
      ModelWriter.write(output, configs, sources, scheduler(), tokenizerFolder, null);
    } finally {
      sources.values().forEach(WeightSource::close);
    }
  }

  /** With the factor that gives the latents of the data deviation 1. */
  private ModelConfigs withScale(ModelConfigs c, DataSetFolder data, TrainOptions options) {
    double scale = scale(data, options);
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

  @SuppressWarnings("try") // the scope closes what encoding makes
  private double scale(DataSetFolder data, TrainOptions options) {
    Autoencoder autoencoder = networks.autoencoder();
    int n = data.entries().size();
    int step = Math.max(1, n / MEASURED);
    double sum = 0;
    double squares = 0;
    long count = 0;
    List<Integer> indices = new ArrayList<>();
    for (int i = 0; i < n && indices.size() < MEASURED; i += step) {
      indices.add(i);
    }
    for (int index : indices) {
      Sample sample;
      try {
        sample = Sample.read(data.entries().get(index), options.resolution(), false, false);
      } catch (InputException e) {
        if (options.skipBad()) {
          continue;
        }
        throw e;
      }
      try (MemoryScope scope = MemoryScope.open()) {
        long side = sample.side();
        Tensor x = Tensors.of(device, sample.rgb(), 1, side, side, 3);
        for (float value : autoencoder.encode(x, LayerObserver.NONE).mean().toFloats()) {
          sum += value;
          squares += (double) value * value;
          count++;
        }
      }
    }
    double mean = sum / count;
    double deviation = Math.sqrt(squares / count - mean * mean);
    return deviation > 0 && Double.isFinite(deviation)
        ? Double.parseDouble(String.format(java.util.Locale.ROOT, "%.5g", 1 / deviation))
        : autoencoder.config().scalingFactor();
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
