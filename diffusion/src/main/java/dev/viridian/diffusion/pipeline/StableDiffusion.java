package dev.viridian.diffusion.pipeline;

import dev.viridian.diffusion.layers.Bands;
import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.scheduler.NoiseSource;
import dev.viridian.diffusion.scheduler.Scheduler;
import dev.viridian.diffusion.scheduler.SchedulerConfig;
import dev.viridian.diffusion.scheduler.SchedulerRun;
import dev.viridian.diffusion.scheduler.SchedulerStep;
import dev.viridian.diffusion.scheduler.Schedulers;
import dev.viridian.diffusion.text.ClipTextModel;
import dev.viridian.diffusion.text.ClipTokenizer;
import dev.viridian.diffusion.text.TokenizedPrompt;
import dev.viridian.diffusion.unet.UNet;
import dev.viridian.diffusion.unet.UNetReplay;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.ModuleLoader;
import dev.viridian.engine.nn.PackedLayers;
import dev.viridian.engine.ops.Cat;
import dev.viridian.engine.ops.Contiguous;
import dev.viridian.engine.ops.Expand;
import dev.viridian.engine.ops.LinearCombination;
import dev.viridian.engine.ops.Permute;
import dev.viridian.engine.ops.Slice;
import dev.viridian.engine.random.TorchRandom;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Precision;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A Stable Diffusion 1.x model in memory: loaded once, used many times.
 *
 * <p>Thread-safe once loaded: runs of several threads share the weights and take turns at the
 * device's kernels; on a CUDA device, where steps are recorded, at whole pictures. {@link #close}
 * must come after the last of them.
 */
public final class StableDiffusion implements AutoCloseable {
  /** Of a band of a map: small beside the maps, large enough to be worth a call to the kernels. */
  private static final long BAND_BYTES = 8 << 20;

  private final Device device;
  private final ModelFiles files;
  private final CompletableFuture<ClipTokenizer> tokenizer;
  private final ClipTextModel textEncoder;
  private final UNet unet;
  private final Autoencoder autoencoder;
  private final SchedulerConfig schedulerConfig;
  private final @Nullable DType dtype;
  private volatile boolean tiling;

  private StableDiffusion(Device device, ModelFiles files, @Nullable DType dtype) {
    this.device = device;
    this.dtype = dtype;
    this.files = files;
    Path folder = files.tokenizer();
    // 50,000 tokens take as long to read as much of the weights.
    this.tokenizer =
        CompletableFuture.supplyAsync(
            () ->
                (folder == null ? ClipTokenizer.standard() : ClipTokenizer.load(folder))
                    .withLength(files.configs().textEncoder().maxPositions()));
    this.textEncoder = new ClipTextModel(files.configs().textEncoder());
    this.unet = new UNet(files.configs().unet());
    this.autoencoder = new Autoencoder(files.configs().vae());
    this.schedulerConfig =
        SchedulerConfig.parse(
            files.schedulerConfig().toString(), files.describe() + ": scheduler configuration");
  }

  /**
   * Loads a model.
   *
   * @param files closed with the model, or before this throws
   * @param dtype what floating-point weights become; null to keep the type of the file. The
   *     arithmetic is F32 in any case.
   * @throws InputException if the files do not fit one another; names every key
   */
  public static StableDiffusion load(ModelFiles files, Device device, @Nullable DType dtype) {
    return load(files, device, dtype, Precision.F32);
  }

  /**
   * Loads a model whose denoising is computed in a lower precision: in the text encoder and the
   * autoencoder, which run once a picture, F32 stays.
   *
   * @param files closed with the model, or before this throws
   * @throws InputException if the files do not fit one another, or the device has no such products
   */
  public static StableDiffusion load(
      ModelFiles files, Device device, @Nullable DType dtype, Precision precision) {
    if (precision != Precision.F32 && !device.kernels().packed().offers(precision)) {
      files.close();
      throw new InputException(
          "--dtype "
              + precision.label()
              + ": "
              + (device.readsHostMemory() ? "this processor" : device)
              + " has no fast products of "
              + precision.label()
              + "; use --dtype f32");
    }
    StableDiffusion model;
    try {
      model = new StableDiffusion(device, files, dtype);
    } catch (RuntimeException | Error e) {
      files.close();
      throw e;
    }
    try {
      ModuleLoader.load(
          model.textEncoder, files.textEncoder(), device, dtype, ClipTextModel.PRECISIONS);
      ModuleLoader.load(model.unet, files.unet(), device, dtype, UNet.precisions(precision));
      ModuleLoader.check(model.autoencoder, files.vae()); // loaded when it is needed
      int tokens = model.tokenizer().nextId();
      if (tokens > model.textEncoder.config().vocabSize()) {
        throw new InputException(
            files.describe()
                + ": the tokenizer has "
                + tokens
                + " tokens, the text encoder only "
                + model.textEncoder.config().vocabSize());
      }
      return model;
    } catch (RuntimeException | Error e) {
      model.close();
      throw e;
    }
  }

  /**
   * Says whether pictures are decoded with the largest maps band by band: less than half the
   * memory, about a third more time, the same picture but for rounding.
   */
  public void setTiling(boolean wanted) {
    tiling = wanted;
  }

  /** How the largest maps are gone through, or null where they are kept whole. */
  public @Nullable Bands bands(Cancellation cancellation) {
    return tiling ? bands(cancellation::check) : null;
  }

  /** Bands of the size that suits the autoencoder. */
  public static Bands bands(Runnable check) {
    return new Bands(BAND_BYTES, check);
  }

  /** In which precision the products of denoising are computed. */
  public PackedLayers packedLayers() {
    return PackedLayers.of(unet);
  }

  /** Where it computes. */
  public Device device() {
    return device;
  }

  /** The files it was loaded from. */
  public ModelFiles files() {
    return files;
  }

  /** The tokenizer. */
  public ClipTokenizer tokenizer() {
    try {
      return tokenizer.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      if (e.getCause() instanceof Error cause) {
        throw cause;
      }
      throw e;
    }
  }

  /** The text encoder. */
  public ClipTextModel textEncoder() {
    return textEncoder;
  }

  /** The noise predictor. */
  public UNet unet() {
    return unet;
  }

  /** The autoencoder, all of it. */
  public Autoencoder autoencoder() {
    return autoencoder(name -> true);
  }

  /** The autoencoder, of which at least the wanted parameters are loaded. */
  private synchronized Autoencoder autoencoder(Predicate<String> wanted) {
    ModuleLoader.bind(autoencoder, files.vae(), device, dtype, wanted);
    return autoencoder;
  }

  /**
   * The scheduler that a request asks for.
   *
   * @throws InputException if there is no such sampler, or it has not such a schedule
   */
  public Scheduler scheduler(TextToImage request) {
    SchedulerConfig config = schedulerConfig;
    if (request.spacing() != null) {
      config = config.with("timestep_spacing", request.spacing());
    }
    if (request.eta() != null) {
      config = config.with("eta", request.eta());
    }
    String name = request.sampler();
    if (name != null) {
      return Schedulers.create(name, Schedulers.withSchedule(config, name, request.schedule()));
    }
    String own = samplerName(request);
    return Schedulers.create(Schedulers.withSchedule(config, own, request.schedule()));
  }

  /** Name of the sampler that a request runs with, the model's own included. */
  public String samplerName(TextToImage request) {
    if (request.sampler() != null) {
      return request.sampler();
    }
    String own = schedulerConfig.className().orElse("");
    return Schedulers.all().stream()
        .filter(e -> e.className().equals(own))
        .map(Schedulers.Entry::name)
        .findFirst()
        .orElse(own);
  }

  /**
   * Runs the denoising.
   *
   * @param generators one for the whole batch, or one for each picture; they are advanced
   * @return the final latents [batch, height/8, width/8, channels], in the UNet's scale; the
   *     caller's or the current scope's
   * @throws InputException if the request does not suit the model, or its weights are not finite
   * @throws java.util.concurrent.CancellationException if it was cancelled
   */
  @SuppressWarnings("try") // the turn ends with the run
  public Tensor sample(
      TextToImage request,
      List<TorchRandom> generators,
      GenerationListener listener,
      Cancellation cancellation) {
    check(request, generators);
    files.requireWhole();
    LayerObserver observer = (module, value) -> cancellation.check();
    Scheduler scheduler = scheduler(request);
    try (Device.Turn turn = device.turn(cancellation::check);
        MemoryScope scope = MemoryScope.open();
        SchedulerRun run = scheduler.start(request.steps())) {
      boolean guided = request.guidance() > 1;
      listener.progress(GenerationListener.Phase.TEXT, 0, 1, null);
      UNet.Context context = context(request, guided, observer);
      textEncoder.unload(); // not needed again until the next picture
      UNet.Times times = unet.times(device, run.timesteps());
      listener.progress(GenerationListener.Phase.TEXT, 1, 1, null);

      NoiseSource noise = () -> draw(request, generators);
      Tensor x = LinearCombination.of(new double[] {run.initNoiseSigma()}, noise.next());
      listener.progress(GenerationListener.Phase.DENOISE, 0, run.calls(), null);
      try (UNetReplay replay = new UNetReplay(unet, device, times, context)) {
        for (int i = 0; i < run.calls(); i++) {
          files.requireWhole();
          cancellation.check(); // a replayed step has no layers that would ask
          try (MemoryScope step = MemoryScope.open()) {
            Tensor input = run.scaleModelInput(x, i);
            Tensor both = guided ? Cat.of(0, input, input) : input;
            Tensor output = replay.forward(both, i, observer);
            Tensor predicted = guided ? guide(output, request) : output;
            SchedulerStep next = run.step(predicted, i, x, noise);
            listener.progress(
                GenerationListener.Phase.DENOISE, i + 1, run.calls(), next.denoised());
            Tensor before = x;
            x = step.keep(next.sample());
            if (x != before) {
              before.close();
            }
          }
        }
      }
      requireFinite(x);
      return scope.keep(x);
    }
  }

  private void check(TextToImage request, List<TorchRandom> generators) {
    int factor = autoencoder.config().pixelsPerLatent();
    if (request.width() < factor
        || request.height() < factor
        || request.width() % factor != 0
        || request.height() % factor != 0) {
      throw new InputException(
          "size " + request.width() + "x" + request.height() + ": expected multiples of " + factor);
    }
    if (request.batch() < 1 || (generators.size() != 1 && generators.size() != request.batch())) {
      throw new IllegalArgumentException(
          generators.size() + " generators for a batch of " + request.batch());
    }
    if (request.skipLayers() < 0 || request.skipLayers() >= textEncoder.config().layers()) {
      throw new InputException(
          "clip skip leaves out "
              + request.skipLayers()
              + " of the text encoder's "
              + textEncoder.config().layers()
              + " layers; at least one must remain");
    }
    if (unet.config().inChannels() != autoencoder.config().latentChannels()) {
      throw new InputException(
          files.describe()
              + ": the UNet reads "
              + unet.config().inChannels()
              + " channels, text to image needs "
              + autoencoder.config().latentChannels());
    }
  }

  /** {@code u + guidance (c − u)} of the two halves of a batch. */
  private static Tensor guide(Tensor output, TextToImage request) {
    int batch = request.batch();
    Tensor unconditional = Slice.of(output, 0, 0, batch);
    Tensor conditional = Slice.of(output, 0, batch, 2L * batch);
    Tensor difference = LinearCombination.of(new double[] {1, -1}, conditional, unconditional);
    return LinearCombination.of(new double[] {1, request.guidance()}, unconditional, difference);
  }

  /** Keys and values of the prompts: the negative ones first, as the batch is laid out. */
  private UNet.Context context(TextToImage request, boolean guided, LayerObserver observer) {
    List<Tensor> encoded = new ArrayList<>();
    if (guided) {
      encoded.add(encode(request.negativePrompt(), 0, request.batch(), observer));
    }
    encoded.add(encode(request.prompt(), request.skipLayers(), request.batch(), observer));
    return unet.context(
        encoded.size() == 1 ? encoded.getFirst() : Cat.of(0, encoded.toArray(Tensor[]::new)));
  }

  private Tensor encode(String prompt, int skip, int batch, LayerObserver observer) {
    TokenizedPrompt tokens = tokenizer().encode(prompt);
    long[] ids = new long[tokens.ids().length];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = tokens.ids()[i];
    }
    Tensor one = textEncoder.forward(Tensors.of(device, ids, 1, ids.length), skip, observer);
    Shape all = one.shape().with(0, batch);
    return Contiguous.of(Expand.of(one, all));
  }

  /** Noise as diffusers draws it, [n, c, h, w], turned to channels-last. */
  private Tensor draw(TextToImage request, List<TorchRandom> generators) {
    int factor = autoencoder.config().pixelsPerLatent();
    int channels = autoencoder.config().latentChannels();
    int h = request.height() / factor;
    int w = request.width() / factor;
    int one = Math.multiplyExact(channels, Math.multiplyExact(h, w));
    float[] values = new float[Math.multiplyExact(one, request.batch())];
    if (generators.size() == 1) {
      generators.getFirst().randn(values);
    } else {
      for (int i = 0; i < generators.size(); i++) {
        System.arraycopy(generators.get(i).randn(one), 0, values, i * one, one);
      }
    }
    Tensor drawn = Tensors.of(device, values, request.batch(), channels, h, w);
    return Contiguous.of(Permute.of(drawn, 0, 2, 3, 1));
  }

  private void requireFinite(Tensor latents) {
    for (float value : latents.toFloats()) {
      if (!Float.isFinite(value)) {
        NotFinite.find(textEncoder, files.textEncoder())
            .or(() -> NotFinite.find(unet, files.unet()))
            .ifPresent(
                line -> {
                  throw new InputException(line);
                });
        throw new InputException(
            files.describe()
                + ": the latents are not finite although all weights are; a lower --cfg-scale, or"
                + " --dtype f32, may help");
      }
    }
  }

  /**
   * Decodes latents to pictures and features.
   *
   * @param beforeNorm which feature, see {@link Autoencoder#decode}
   */
  @SuppressWarnings("try") // the turn ends with the picture
  public Autoencoder.Decoded decode(
      Tensor latents, boolean beforeNorm, GenerationListener listener, Cancellation cancellation) {
    try (Device.Turn turn = device.turn(cancellation::check)) {
      listener.progress(GenerationListener.Phase.DECODE, 0, 1, null);
      files.requireWhole();
      // Neither the UNet's maps nor its weights are of use to the decoder.
      device.allocator().trim();
      unet.unload();
      autoencoder(Autoencoder::decodes);
      LayerObserver observer = (module, value) -> cancellation.check();
      Bands bands = bands(cancellation);
      Autoencoder.Decoded decoded =
          bands == null || latents.size(0) > 1
              ? autoencoder.decode(latents, beforeNorm, observer)
              : autoencoder.decode(latents, beforeNorm, bands, observer);
      listener.progress(GenerationListener.Phase.DECODE, 1, 1, null);
      return decoded;
    }
  }

  /** Closes the weights and the files. */
  @Override
  public void close() {
    textEncoder.close();
    unet.close();
    autoencoder.close();
    files.close();
  }
}
