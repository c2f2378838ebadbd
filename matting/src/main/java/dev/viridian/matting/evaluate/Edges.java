package dev.viridian.matting.evaluate;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.pipeline.StableDiffusion;
import dev.viridian.diffusion.scheduler.NoiseTable;
import dev.viridian.diffusion.scheduler.SchedulerConfig;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.Affine;
import dev.viridian.engine.ops.Contiguous;
import dev.viridian.engine.ops.Permute;
import dev.viridian.engine.random.TorchRandom;
import dev.viridian.matting.GreenPrompt;
import dev.viridian.matting.loss.Denoised;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The boundary error of a noise predictor. A generated picture has no true alpha, a drawn one has:
 * its latents are given noise, the UNet estimates the clean ones in one step, and the colour key of
 * what is decoded of them is compared with the alpha that it was drawn with. For one thread.
 */
final class Edges {
  /** How noisy, as shares of the timesteps: from most of the picture kept to little of it. */
  private static final double[] TIMES = {0.2, 0.4, 0.6};

  private static final int TOGETHER = 8;

  /**
   * What came out.
   *
   * @param denoised the mean over pictures, by timestep
   * @param encoded the same without noise: what the autoencoder and the key cost
   */
  record Report(Map<Integer, MatteErrors> denoised, MatteErrors encoded) {}

  private final StableDiffusion model;
  private final Device device;
  private final int side;
  private final long seed;
  private final NoiseTable table;
  private final Map<Integer, List<MatteErrors>> denoised = new TreeMap<>();
  private final List<MatteErrors> encoded = new ArrayList<>();

  private Edges(StableDiffusion model, Device device, int side, long seed) {
    this.model = model;
    this.device = device;
    this.side = side;
    this.seed = seed;
    this.table =
        NoiseTable.of(
            SchedulerConfig.parse(
                model.files().schedulerConfig().toString(), model.files().describe()));
  }

  /**
   * Measures.
   *
   * @param pictures with their alphas
   * @param seed noise of picture i is drawn of {@code seed + i}, the same at every timestep
   */
  static Report of(
      StableDiffusion model, Device device, List<TestPicture> pictures, int side, long seed) {
    Edges edges = new Edges(model, device, side, seed);
    for (int from = 0; from < pictures.size(); from += TOGETHER) {
      edges.add(pictures.subList(from, Math.min(pictures.size(), from + TOGETHER)), from);
    }
    Map<Integer, MatteErrors> means = new TreeMap<>();
    edges.denoised.forEach((t, errors) -> means.put(t, MatteErrors.mean(errors)));
    return new Report(means, MatteErrors.mean(edges.encoded));
  }

  @SuppressWarnings("try") // the scopes close what is computed
  private void add(List<TestPicture> pictures, int first) {
    Autoencoder autoencoder = model.autoencoder();
    float scale = (float) autoencoder.config().scalingFactor();
    int n = pictures.size();
    try (MemoryScope scope = MemoryScope.open()) {
      float[] signed = new float[n * side * side * 3];
      for (int i = 0; i < n; i++) {
        float[] rgb = pictures.get(i).rgb(side);
        for (int j = 0; j < rgb.length; j++) {
          signed[i * rgb.length + j] = 2 * rgb[j] - 1;
        }
      }
      Tensor x = Tensors.of(device, signed, n, side, side, 3);
      Tensor clean = Affine.of(autoencoder.encode(x, LayerObserver.NONE).mean(), scale, 0);
      compare(pictures, clean, encoded);
      Tensor noise = noise(clean, first);
      Tensor context = model.textEncoder().forward(tokens(pictures), 0, LayerObserver.NONE);
      for (double share : TIMES) {
        try (MemoryScope one = MemoryScope.open()) {
          int[] times = new int[n];
          int t = (int) Math.round(share * table.size());
          Arrays.fill(times, t);
          Tensor noisy = table.addNoise(clean, noise, times);
          Tensor predicted =
              model
                  .unet()
                  .forwardEach(
                      noisy,
                      model.unet().times(device, Arrays.stream(times).asDoubleStream().toArray()),
                      model.unet().context(context),
                      null,
                      false);
          Denoised d = Denoised.of(clean, noise, noisy, predicted, times, table);
          List<MatteErrors> errors = denoised.computeIfAbsent(t, any -> new ArrayList<>());
          compare(pictures, d.cleanEstimate(), errors);
        }
      }
    }
  }

  private Tensor noise(Tensor latents, int first) {
    int n = latents.size(0);
    int h = latents.size(1);
    int w = latents.size(2);
    int c = latents.size(3);
    float[] all = new float[n * h * w * c];
    for (int i = 0; i < n; i++) {
      float[] one = new TorchRandom(seed + first + i).randn(h * w * c);
      System.arraycopy(one, 0, all, i * one.length, one.length);
    }
    return Contiguous.of(Permute.of(Tensors.of(device, all, n, c, h, w), 0, 2, 3, 1));
  }

  private Tensor tokens(List<TestPicture> pictures) {
    List<long[]> rows = new ArrayList<>();
    for (TestPicture picture : pictures) {
      String text = GreenPrompt.of(picture.text(), GreenPrompt.SUFFIX, model.tokenizer()).text();
      rows.add(Arrays.stream(model.tokenizer().encode(text).ids()).asLongStream().toArray());
    }
    long[] ids = rows.stream().flatMapToLong(Arrays::stream).toArray();
    return Tensors.of(device, ids, rows.size(), rows.getFirst().length);
  }

  @SuppressWarnings("try") // the scope closes what is computed
  private void compare(List<TestPicture> pictures, Tensor latents, List<MatteErrors> errors) {
    try (MemoryScope scope = MemoryScope.open()) {
      float[] decoded =
          model.autoencoder().decode(latents, false, LayerObserver.NONE).picture().toFloats();
      int each = side * side * 3;
      for (int i = 0; i < pictures.size(); i++) {
        float[] rgb = Arrays.copyOfRange(decoded, i * each, (i + 1) * each);
        for (int j = 0; j < each; j++) {
          rgb[j] = Math.clamp((rgb[j] + 1) / 2, 0f, 1f);
        }
        errors.add(
            MatteErrors.of(
                doubles(Measures.colourKey(rgb)),
                doubles(pictures.get(i).truth(side)),
                side,
                side));
      }
    }
  }

  private static double[] doubles(float[] values) {
    double[] out = new double[values.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = values[i];
    }
    return out;
  }
}
