package dev.viridian.matting.train;

import dev.viridian.diffusion.text.ClipTextModel;
import dev.viridian.diffusion.unet.UNet;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.diffusion.weights.Component;
import dev.viridian.diffusion.weights.MattingHeadConfig;
import dev.viridian.diffusion.weights.ModelConfigs;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.Module;
import dev.viridian.engine.nn.ModuleLoader;
import dev.viridian.engine.nn.Parameter;
import dev.viridian.engine.ops.Cast;
import dev.viridian.engine.ops.Contiguous;
import dev.viridian.kernels.DType;
import dev.viridian.matting.head.MattingHead;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.BiPredicate;
import org.jspecify.annotations.Nullable;

/**
 * The networks of a model, some of them to be trained: those have their own F32 memory and require
 * gradients, the others lie where the files have them. The files must outlive them. Not
 * thread-safe.
 */
public final class Networks implements AutoCloseable {
  private final ModelConfigs configs;
  private final Map<Component, Module> modules = new EnumMap<>(Component.class);

  /** Networks without numbers. */
  public Networks(ModelConfigs configs) {
    this.configs = configs;
    modules.put(Component.TEXT_ENCODER, new ClipTextModel(configs.textEncoder()));
    modules.put(Component.UNET, new UNet(configs.unet()));
    modules.put(Component.VAE, new Autoencoder(configs.vae()));
    MattingHeadConfig head = configs.mattingHead();
    if (head != null) {
      modules.put(Component.MATTING_HEAD, new MattingHead(head));
    }
  }

  /**
   * Reads the numbers of a network from a model.
   *
   * @throws dev.viridian.engine.InputException if they do not fit; names every key
   */
  public void load(Component component, ModelFiles files, Device device) {
    WeightSource source =
        switch (component) {
          case UNET -> files.unet();
          case VAE -> files.vae();
          case TEXT_ENCODER -> files.textEncoder();
          case MATTING_HEAD -> Objects.requireNonNull(files.mattingHead());
          case GREEN_POST -> throw new IllegalArgumentException("no network here: " + component);
        };
    ModuleLoader.load(module(component), source, device, null);
  }

  /**
   * Gives the weights that a stage trains F32 memory of their own, and asks for their gradients.
   */
  public void train(BiPredicate<Component, String> trained) {
    for (Component component : components()) {
      for (Map.Entry<String, Parameter> e : module(component).parameters().entrySet()) {
        if (!trained.test(component, e.getKey())) {
          continue;
        }
        Tensor old = e.getValue().value();
        try (MemoryScope scope = MemoryScope.open()) {
          Tensor own = old.dtype() == DType.F32 ? Contiguous.copyOf(old) : toF32(old);
          e.getValue().bind(scope.detach(own.named(e.getKey())).requireGradient(true));
        }
      }
    }
  }

  private static Tensor toF32(Tensor old) {
    return Cast.of(old, DType.F32);
  }

  /** The shapes. */
  public ModelConfigs configs() {
    return configs;
  }

  /** A network by what it is. */
  public Module module(Component component) {
    Module module = modules.get(component);
    if (module == null) {
      throw new IllegalStateException("the model has no " + component.folder());
    }
    return module;
  }

  /** Whether there is such a network. */
  public boolean has(Component component) {
    return modules.containsKey(component);
  }

  /** The networks that there are. */
  public Set<Component> components() {
    return modules.keySet();
  }

  /** The text encoder. */
  public ClipTextModel textEncoder() {
    return (ClipTextModel) module(Component.TEXT_ENCODER);
  }

  /** The noise predictor. */
  public UNet unet() {
    return (UNet) module(Component.UNET);
  }

  /** The autoencoder. */
  public Autoencoder autoencoder() {
    return (Autoencoder) module(Component.VAE);
  }

  /** The matting head, or null where the model has none. */
  public @Nullable MattingHead head() {
    return (MattingHead) modules.get(Component.MATTING_HEAD);
  }

  /** The weights of a network that are trained, under {@code folder.name}, in order. */
  public Map<String, Tensor> trainedWeights(Component component) {
    Map<String, Tensor> weights = new LinkedHashMap<>();
    module(component)
        .parameters()
        .forEach(
            (name, p) -> {
              if (p.value().requiresGradient()) {
                weights.put(component.folder() + "." + name, p.value());
              }
            });
    return weights;
  }

  /** Closes all weights. */
  @Override
  public void close() {
    modules.values().forEach(Module::close);
  }
}
