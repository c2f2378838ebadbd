package dev.viridian.matting.train;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.text.ClipTokenizer;
import dev.viridian.diffusion.text.TokenizedPrompt;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.Contiguous;
import dev.viridian.engine.ops.Permute;
import dev.viridian.engine.random.TorchRandom;
import dev.viridian.matting.GreenPrompt;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Makes batches: takes samples, draws what is random about them, and puts the numbers together.
 * What is drawn for a micro-batch of b rows, in this order: which captions are dropped (rand b),
 * which pictures are mirrored (rand b), where they are cut (rand 2 b), the noise of the latents'
 * distribution and that of the steps (randn [b, c, h, w] each), the timesteps (randint b); each
 * only if the options ask for it. Not thread-safe.
 */
final class BatchMaker {
  private final TrainOptions options;
  private final Autoencoder autoencoder;
  private final ClipTokenizer tokenizer;
  private final Device device;
  private final int timesteps;
  private final @Nullable LatentCache cache;
  private final Map<String, TokenizedPrompt> captions = new HashMap<>();

  BatchMaker(
      TrainOptions options,
      Autoencoder autoencoder,
      ClipTokenizer tokenizer,
      Device device,
      int timesteps,
      @Nullable LatentCache cache) {
    this.options = options;
    this.autoencoder = autoencoder;
    this.tokenizer = tokenizer;
    this.device = device;
    this.timesteps = timesteps;
    this.cache = cache;
  }

  /** A micro-batch before its pictures are put together. */
  record Drawn(
      List<Feed.Taken<Sample>> samples,
      TokenizedPrompt[] captions,
      boolean[] mirrored,
      float[] cut,
      float[] posteriorNoise,
      float[] noise,
      int[] timesteps) {
    /** Rows whose caption has the word "green". */
    int greenRows() {
      int rows = 0;
      for (TokenizedPrompt caption : captions) {
        rows += caption.greenPositions().length > 0 ? 1 : 0;
      }
      return rows;
    }
  }

  /** Takes and draws a micro-batch. */
  Drawn draw(Feed<Sample> feed, TorchRandom random) {
    int b = options.batch();
    List<Feed.Taken<Sample>> samples = new ArrayList<>();
    for (int i = 0; i < b; i++) {
      samples.add(feed.next());
    }
    boolean vae = options.stage().autoencodes();
    float[] dropped = options.captionDropout() > 0 && !vae ? random.rand(b) : filled(b, 1);
    float[] flips = options.flip() ? random.rand(b) : filled(b, 1);
    float[] cut = options.crop() ? random.rand(2 * b) : new float[2 * b];
    TokenizedPrompt[] texts = new TokenizedPrompt[b];
    boolean[] mirrored = new boolean[b];
    for (int i = 0; i < b; i++) {
      texts[i] =
          caption(dropped[i] < options.captionDropout() ? null : samples.get(i).sample().text());
      mirrored[i] = flips[i] < 0.5f;
    }
    int side = options.resolution() / autoencoder.config().pixelsPerLatent();
    int latents = b * autoencoder.config().latentChannels() * side * side;
    float[] posterior = random.randn(latents);
    float[] noise = vae ? new float[0] : random.randn(latents);
    int[] times = new int[b];
    if (!vae) {
      long[] drawn = random.randint(0, timesteps, b);
      for (int i = 0; i < b; i++) {
        times[i] = (int) drawn[i];
      }
    }
    return new Drawn(samples, texts, mirrored, cut, posterior, noise, times);
  }

  private static float[] filled(int n, float value) {
    float[] values = new float[n];
    Arrays.fill(values, value);
    return values;
  }

  private TokenizedPrompt caption(@Nullable String text) {
    if (text == null) {
      return tokenizer.encode("");
    }
    return captions.computeIfAbsent(
        text, t -> tokenizer.encode(GreenPrompt.of(t, options.greenSuffix(), tokenizer).text()));
  }

  /** Puts a micro-batch together, in the current scope. */
  Batch make(Drawn drawn) {
    int b = drawn.samples.size();
    int side = options.resolution();
    int h = side / autoencoder.config().pixelsPerLatent();
    int c = autoencoder.config().latentChannels();
    boolean needsPictures = cache == null || options.losses().needsPictures();
    float[] rgb = needsPictures ? new float[b * side * side * 3] : null;
    float[] alpha = options.losses().needsMasks() ? new float[b * side * side] : null;
    long[][] ids = new long[b][];
    int[][] green = new int[b][];
    for (int i = 0; i < b; i++) {
      Sample sample = drawn.samples.get(i).sample();
      int room = sample.side() - side;
      int top = Math.min(room, (int) (drawn.cut[2 * i] * (room + 1)));
      int left = Math.min(room, (int) (drawn.cut[2 * i + 1] * (room + 1)));
      if (rgb != null) {
        Pixels.copy(
            sample.rgb(),
            sample.side(),
            top,
            left,
            3,
            side,
            drawn.mirrored[i],
            rgb,
            i * side * side * 3);
      }
      if (alpha != null) {
        Pixels.copy(
            Objects.requireNonNull(sample.alpha()),
            sample.side(),
            top,
            left,
            1,
            side,
            drawn.mirrored[i],
            alpha,
            i * side * side);
      }
      ids[i] = Arrays.stream(drawn.captions[i].ids()).asLongStream().toArray();
      green[i] = drawn.captions[i].greenPositions();
    }
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor pictures = rgb == null ? null : scope.keep(Tensors.of(device, rgb, b, side, side, 3));
      Tensor mask = alpha == null ? null : scope.keep(Tensors.of(device, alpha, b, side, side, 1));
      Tensor posterior = scope.keep(turned(drawn.posteriorNoise, b, c, h));
      Tensor noise = drawn.noise.length == 0 ? posterior : scope.keep(turned(drawn.noise, b, c, h));
      Autoencoder.Distribution d = distribution(drawn, pictures, posterior, b, h, c);
      scope.keep(d.mean());
      scope.keep(d.logVariance());
      return new Batch(
          pictures, mask, d.mean(), d.logVariance(), posterior, noise, drawn.timesteps, ids, green);
    }
  }

  /** Noise is drawn as PyTorch draws it, channels first. */
  private Tensor turned(float[] values, int b, int c, int h) {
    return Contiguous.of(Permute.of(Tensors.of(device, values, b, c, h, h), 0, 2, 3, 1));
  }

  private Autoencoder.Distribution distribution(
      Drawn drawn, @Nullable Tensor pictures, Tensor noise, int b, int h, int c) {
    if (cache != null) {
      int each = h * h * c;
      float[] mean = new float[b * each];
      float[] logVariance = new float[b * each];
      for (int i = 0; i < b; i++) {
        cache.copy(drawn.samples.get(i).index(), drawn.mirrored[i], mean, logVariance, i * each);
      }
      return new Autoencoder.Distribution(
          Tensors.of(device, mean, b, h, h, c), Tensors.of(device, logVariance, b, h, h, c));
    }
    if (options.stage().autoencodes() || pictures == null) {
      return new Autoencoder.Distribution(noise, noise); // the loss encodes by itself
    }
    Autoencoder.Distribution d = autoencoder.encode(pictures, LayerObserver.NONE);
    return new Autoencoder.Distribution(Contiguous.of(d.mean()), Contiguous.of(d.logVariance()));
  }
}
