package dev.viridian.matting;

import dev.viridian.diffusion.layers.Bands;
import dev.viridian.diffusion.pipeline.Cancellation;
import dev.viridian.diffusion.pipeline.GenerationListener;
import dev.viridian.diffusion.pipeline.NotFinite;
import dev.viridian.diffusion.pipeline.StableDiffusion;
import dev.viridian.diffusion.pipeline.TextToImage;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.diffusion.weights.MattingHeadConfig;
import dev.viridian.diffusion.weights.ModelDefaults;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.Module;
import dev.viridian.engine.nn.ModuleLoader;
import dev.viridian.engine.ops.Permute;
import dev.viridian.engine.ops.Slice;
import dev.viridian.engine.random.TorchRandom;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Precision;
import dev.viridian.matting.head.MattingHead;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Text to objects with alpha:
 *
 * <pre>{@code
 * try (DiffuMatting model = DiffuMatting.load(Path.of("model"))) {
 *   Cutout cutout = model.generate(model.request("a red apple"), 42);
 *   BufferedImage image = cutout.image();
 * }
 * }</pre>
 *
 * <p>Load once, generate many times. Several threads may generate with one model at once; they
 * share its weights and take turns at the kernels (on a CUDA device: at whole pictures). All native
 * memory of a run is freed when it returns; that of the model by {@link #close}, after the last
 * run.
 */
public final class DiffuMatting implements AutoCloseable {
  private final StableDiffusion diffusion;
  private final @Nullable MattingHead head;

  private DiffuMatting(StableDiffusion diffusion, @Nullable MattingHead head) {
    this.diffusion = diffusion;
    this.head = head;
  }

  /**
   * Loads the small model of the jar on the CPU: 26 nouns at 128×128 and no more, as its card says.
   *
   * @throws InputException if this build has none
   */
  public static DiffuMatting load() {
    return load(BuiltInModel.open(), Device.cpu(), null);
  }

  /**
   * Loads a model on the CPU, its weights in the type they have.
   *
   * @param model a folder in diffusers' layout or a single file, with or without a matting head
   * @throws InputException if it is not a Stable Diffusion 1.x model or not sound; names every key
   */
  public static DiffuMatting load(Path model) {
    return load(ModelFiles.open(model), Device.cpu(), null);
  }

  /**
   * Loads a model on a device, its weights in the type they have.
   *
   * @param model a folder in diffusers' layout or a single file, with or without a matting head
   * @param device such as {@link Device#cuda(int)}; stays open when the model is closed
   * @throws InputException if it is not a Stable Diffusion 1.x model or not sound; names every key
   */
  public static DiffuMatting load(Path model, Device device) {
    return load(ModelFiles.open(model), device, null);
  }

  /**
   * Loads a model.
   *
   * @param files closed with the model, or before this throws
   * @param dtype what floating-point weights become; null to keep the type of the file
   */
  public static DiffuMatting load(ModelFiles files, Device device, @Nullable DType dtype) {
    return load(files, device, dtype, Precision.F32);
  }

  /** The same, denoising in a lower precision; see {@link StableDiffusion}. */
  public static DiffuMatting load(
      ModelFiles files, Device device, @Nullable DType dtype, Precision precision) {
    StableDiffusion diffusion = StableDiffusion.load(files, device, dtype, precision);
    try {
      WeightSource weights = files.mattingHead();
      MattingHead head = null;
      MattingHeadConfig config = files.configs().mattingHead();
      if (weights != null && config != null) {
        head = new MattingHead(config);
        ModuleLoader.load(head, weights, device, dtype);
        int channels = files.configs().vae().blockOutChannels().getFirst();
        if (config.inChannels() != channels) {
          head.close();
          throw new InputException(
              files.describe()
                  + ": the matting head reads "
                  + config.inChannels()
                  + " channels, the decoder gives "
                  + channels);
        }
      }
      return new DiffuMatting(diffusion, head);
    } catch (RuntimeException | Error e) {
      diffusion.close();
      throw e;
    }
  }

  /** The diffusion model underneath. */
  public StableDiffusion diffusion() {
    return diffusion;
  }

  /** Whether it has a matting head, so that its objects have an alpha. */
  public boolean hasHead() {
    return head != null;
  }

  /**
   * A prompt at the model's own size, steps and guidance; see {@link
   * dev.viridian.diffusion.weights.ModelDefaults}. The prompt is used as it is: {@link GreenPrompt}
   * adds the canvas.
   */
  public TextToImage request(String prompt) {
    ModelDefaults defaults = diffusion.files().defaults();
    return TextToImage.of(prompt)
        .size(defaults.side(), defaults.side())
        .steps(defaults.steps())
        .guidance(defaults.guidance());
  }

  /**
   * Generates one object.
   *
   * @param seed of PyTorch's CPU generator
   * @throws InputException if the request does not suit the model
   */
  public Cutout generate(TextToImage request, long seed) {
    return generate(request.batch(1), List.of(seed), GenerationListener.NONE, new Cancellation())
        .cutouts()
        .getFirst();
  }

  /**
   * What a run gives.
   *
   * @param latents the final latents [batch, channels, height/8, width/8], row-major, in the UNet's
   *     scale
   */
  public record Result(List<Cutout> cutouts, float[] latents) {}

  /**
   * Generates a batch.
   *
   * @param seeds one for the whole batch, drawn from in order, or one for each picture
   * @throws java.util.concurrent.CancellationException if it was cancelled
   */
  public Result generate(
      TextToImage request,
      List<Long> seeds,
      GenerationListener listener,
      Cancellation cancellation) {
    List<TorchRandom> generators = new ArrayList<>();
    seeds.forEach(seed -> generators.add(new TorchRandom(seed)));
    return generateFrom(request, generators, hasHead(), listener, cancellation);
  }

  /**
   * Generates a batch, drawing from generators that go on after it.
   *
   * @param generators one for the whole batch, or one for each picture
   * @param matte whether the head is run; without it the cutouts are opaque
   */
  @SuppressWarnings("try") // scopes close what a run makes
  public Result generateFrom(
      TextToImage request,
      List<TorchRandom> generators,
      boolean matte,
      GenerationListener listener,
      Cancellation cancellation) {
    try (Device.Turn turn = diffusion.device().turn(cancellation::check);
        MemoryScope scope = MemoryScope.open()) {
      Tensor latents = diffusion.sample(request, generators, listener, cancellation);
      List<Cutout> cutouts = new ArrayList<>();
      for (int i = 0; i < request.batch(); i++) {
        // One picture at a time: maps at full size are what takes the most memory.
        try (MemoryScope one = MemoryScope.open()) {
          Tensor latent = Slice.of(latents, 0, i, i + 1L);
          TorchRandom generator = generators.get(generators.size() == 1 ? 0 : i);
          cutouts.add(
              cutOut(
                  request,
                  latent,
                  generator.initialSeed(),
                  matte ? head : null,
                  listener,
                  cancellation));
        }
      }
      return new Result(cutouts, Permute.of(latents, 0, 3, 1, 2).toFloats());
    }
  }

  private Cutout cutOut(
      TextToImage request,
      Tensor latent,
      long seed,
      @Nullable MattingHead mask,
      GenerationListener listener,
      Cancellation cancellation) {
    boolean raw = mask != null && mask.config().feature() == MattingHeadConfig.Feature.UP_BLOCK;
    try (Autoencoder.Decoded decoded = diffusion.decode(latent, raw, listener, cancellation)) {
      float[] picture = decoded.picture().toFloats();
      requireFinite(picture, diffusion::autoencoder, diffusion.files().vae());
      float[] coarse = null;
      if (mask != null) {
        listener.progress(GenerationListener.Phase.MATTE, 0, 1, null);
        Bands bands = diffusion.bands(cancellation);
        coarse =
            (bands == null
                    ? mask.forward(decoded.feature())
                    : mask.forward(decoded.feature(), bands))
                .toFloats();
        requireFinite(coarse, () -> mask, diffusion.files().mattingHead());
        listener.progress(GenerationListener.Phase.MATTE, 1, 1, null);
      }
      return new Cutout(request.width(), request.height(), seed, picture, coarse);
    }
  }

  private void requireFinite(
      float[] values, Supplier<? extends Module> module, @Nullable WeightSource weights) {
    for (float value : values) {
      if (!Float.isFinite(value)) {
        throw new InputException(
            Optional.ofNullable(weights)
                .flatMap(source -> NotFinite.find(module.get(), source))
                .orElse(
                    diffusion.files().describe()
                        + ": the decoded picture is not finite although all weights are"));
      }
    }
  }

  /**
   * Tells models apart: SHA-256, in hexadecimal, of names, types, shapes and the first bytes of
   * every tensor. Not the hash of a file: that would take longer than loading it.
   */
  public String fingerprint() {
    return Fingerprint.of(diffusion.files());
  }

  /** Closes weights and files. */
  @Override
  public void close() {
    if (head != null) {
      head.close();
    }
    diffusion.close();
  }
}
