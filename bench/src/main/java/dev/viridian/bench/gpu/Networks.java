package dev.viridian.bench.gpu;

import dev.viridian.bench.work.Noise;
import dev.viridian.bench.work.PictureWork;
import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.scheduler.SchedulerConfig;
import dev.viridian.diffusion.scheduler.Schedulers;
import dev.viridian.diffusion.text.ClipTextModel;
import dev.viridian.diffusion.unet.UNet;
import dev.viridian.diffusion.unet.UNetReplay;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.diffusion.weights.FormulaModel;
import dev.viridian.diffusion.weights.ModelConfigs;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.ModuleLoader;
import dev.viridian.kernels.DType;
import java.util.LinkedHashMap;
import java.util.Map;

/** The three networks of a model whose weights are computed, on one device. */
final class Networks implements AutoCloseable {
  private static final double TIME = 481;

  private final Device device;
  private final ModelConfigs configs;
  private final ModelFiles files;
  private final ClipTextModel text;
  private final UNet unet;
  private final Autoencoder vae;
  private final int side;

  private Networks(Device device, ModelConfigs configs, DType weights, int side) {
    this.device = device;
    this.configs = configs;
    this.side = side;
    files = new FormulaModel(configs, weights).open(null);
    text = new ClipTextModel(configs.textEncoder());
    unet = new UNet(configs.unet());
    vae = new Autoencoder(configs.vae());
    ModuleLoader.load(text, files.textEncoder(), device, weights);
    ModuleLoader.load(unet, files.unet(), device, weights);
    ModuleLoader.load(vae, files.vae(), device, weights);
  }

  private Tensor ids(int batch) {
    int length = configs.textEncoder().maxPositions();
    long[] ids = new long[batch * length];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = i % configs.textEncoder().vocabSize();
    }
    return Tensors.of(device, ids, batch, length);
  }

  private Tensor latents(int batch) {
    int scale = vae.config().pixelsPerLatent();
    return Noise.of(
        device, Shape.of(batch, side / scale, side / scale, vae.config().latentChannels()));
  }

  /** A text, an evaluation of the noise predictor, a decoded picture. */
  @SuppressWarnings("try") // the scope closes what is made
  private Map<String, float[]> values() {
    Map<String, float[]> values = new LinkedHashMap<>();
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor encoded = text.forward(ids(1), 0, LayerObserver.NONE);
      values.put("text", encoded.toFloats());
      try (UNet.Context context = unet.context(encoded);
          UNet.Times times = unet.times(device, TIME)) {
        Tensor noise = unet.forward(latents(1), times, 0, context, LayerObserver.NONE);
        values.put("unet", noise.toFloats());
      }
      Tensor picture = vae.decode(latents(1), false, LayerObserver.NONE).picture();
      values.put("vae", picture.toFloats());
    }
    return values;
  }

  /** Seconds of each network, of a picture, and the memory of the device. */
  static Map<String, Object> times(Device device, Sizes sizes) {
    Map<String, Object> result = new LinkedHashMap<>();
    long start = System.nanoTime();
    Clock clock = new Clock(device, sizes.repeat());
    try (Networks networks = new Networks(device, sizes.full(), DType.F16, sizes.side())) {
      device.await();
      result.put("load_seconds", (System.nanoTime() - start) / 1e9);
      result.put("weights_bytes", device.allocator().usage().used());
      device.allocator().resetPeak();
      networks.step(clock, sizes.batch(), result);
      result.put("step_peak_bytes", device.allocator().usage().peak());
      device.allocator().resetPeak();
      result.put("vae_seconds", clock.time(networks::decode));
      result.put("vae_peak_bytes", device.allocator().usage().peak());
      device.allocator().resetPeak();
      result.put("picture_seconds", clock.time(() -> networks.picture(sizes.steps())));
      result.put("picture_peak_bytes", device.allocator().usage().peak());
      long held = device.allocator().usage().used() + device.allocator().usage().cached();
      result.put("held_bytes", held);
    }
    result.put("left_bytes", device.allocator().usage().used());
    return result;
  }

  private void step(Clock clock, int batch, Map<String, Object> result) {
    try (Tensor ids = ids(batch);
        Tensor sample = latents(batch);
        Tensor encoded = text.forward(ids, 0, LayerObserver.NONE);
        UNet.Context context = unet.context(encoded);
        UNet.Times times = unet.times(device, TIME);
        UNetReplay replay = new UNetReplay(unet, device, times, context)) {
      result.put(
          "step_seconds",
          clock.time(() -> unet.forward(sample, times, 0, context, LayerObserver.NONE).close()));
      result.put(
          "replayed_step_seconds",
          clock.time(() -> replay.forward(sample, 0, LayerObserver.NONE).close()));
      result.put("replayed", replay.isRecorded());
    }
  }

  private void decode() {
    try (Tensor latents = latents(1)) {
      vae.decode(latents, false, LayerObserver.NONE).close();
    }
  }

  private void picture(int steps) {
    SchedulerConfig config =
        SchedulerConfig.parse(files.schedulerConfig().toString(), files.describe());
    try (Tensor ids = ids(2);
        Tensor noise = latents(1)) {
      PictureWork.draw(text, unet, vae, Schedulers.create("ddim", config), steps, ids, noise);
    }
  }

  /** The small model's values on the device held against those of the CPU. */
  static Map<String, Object> compare(Device device, Sizes sizes) {
    Map<String, float[]> expected;
    Map<String, float[]> actual;
    try (Networks cpu = new Networks(Device.cpu(), sizes.small(), DType.F32, sizes.smallSide())) {
      expected = cpu.values();
    }
    try (Networks own = new Networks(device, sizes.small(), DType.F32, sizes.smallSide())) {
      actual = own.values();
    }
    Map<String, Object> result = new LinkedHashMap<>();
    boolean good = true;
    for (Map.Entry<String, float[]> e : expected.entrySet()) {
      double error = error(e.getValue(), actual.get(e.getKey()));
      result.put(e.getKey() + "_error", error);
      good &= error <= TOLERANCE;
    }
    result.put("tolerance", TOLERANCE);
    result.put("passed", good);
    return result;
  }

  /** Of the largest value: sums in another order through dozens of layers. */
  private static final double TOLERANCE = 2e-3;

  /** The largest difference as a part of the largest value; infinite where one is not finite. */
  static double error(float[] expected, float[] actual) {
    double largest = 1e-20;
    double difference = expected.length == actual.length ? 0 : Double.POSITIVE_INFINITY;
    for (int i = 0; i < Math.min(expected.length, actual.length); i++) {
      largest = Math.max(largest, Math.abs(expected[i]));
      double d = Math.abs((double) expected[i] - actual[i]);
      difference = d <= difference ? difference : Double.isNaN(d) ? Double.POSITIVE_INFINITY : d;
    }
    return difference / largest;
  }

  @Override
  public void close() {
    vae.close();
    unet.close();
    text.close();
    files.close();
  }
}
