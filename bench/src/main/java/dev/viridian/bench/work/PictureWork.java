package dev.viridian.bench.work;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.scheduler.NoiseSource;
import dev.viridian.diffusion.scheduler.Scheduler;
import dev.viridian.diffusion.scheduler.SchedulerConfig;
import dev.viridian.diffusion.scheduler.SchedulerRun;
import dev.viridian.diffusion.scheduler.Schedulers;
import dev.viridian.diffusion.text.ClipTextModel;
import dev.viridian.diffusion.unet.UNet;
import dev.viridian.diffusion.unet.UNetReplay;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.ModuleLoader;
import dev.viridian.engine.ops.Cat;
import dev.viridian.engine.ops.LinearCombination;
import dev.viridian.engine.ops.Slice;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Precision;

/**
 * A whole picture from token ids: two texts encoded, DDIM steps with guidance, decoding. Without
 * tokenizer and matting head, so that the formula model does and peers can do the same.
 */
public final class PictureWork implements Work {
  private static final double GUIDANCE = 7.5;

  private final ClipTextModel text;
  private final UNet unet;
  private final Autoencoder vae;
  private final Scheduler scheduler;
  private final int steps;
  private final Tensor ids;
  private final Tensor noise;
  private final String name;

  /** Loads the networks; sizes in pixels. */
  public PictureWork(
      ModelFiles model,
      Device device,
      DType dtype,
      Precision precision,
      int width,
      int height,
      int batch,
      int steps) {
    this.steps = steps;
    text = new ClipTextModel(model.configs().textEncoder());
    unet = new UNet(model.configs().unet());
    vae = new Autoencoder(model.configs().vae());
    ModuleLoader.load(text, model.textEncoder(), device, dtype, ClipTextModel.PRECISIONS);
    ModuleLoader.load(unet, model.unet(), device, dtype, UNet.precisions(precision));
    ModuleLoader.load(vae, model.vae(), device, dtype);
    SchedulerConfig config =
        SchedulerConfig.parse(model.schedulerConfig().toString(), model.describe());
    scheduler = Schedulers.create("ddim", config);
    int length = text.config().maxPositions();
    long[] values = new long[2 * batch * length];
    for (int i = 0; i < values.length; i++) {
      values[i] = i % text.config().vocabSize();
    }
    ids = Tensors.of(device, values, 2 * batch, length);
    int scale = vae.config().pixelsPerLatent();
    noise =
        Noise.of(
            device, Shape.of(batch, height / scale, width / scale, vae.config().latentChannels()));
    name = "picture " + width + "x" + height + " " + steps + " steps" + Noise.batch(batch);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public void run() {
    draw(text, unet, vae, scheduler, steps, ids, noise);
  }

  /**
   * A picture for each of a batch, which is let go of.
   *
   * @param ids of 2 · batch texts: without guidance first, then with
   * @param noise [batch, h, w, channels]
   */
  public static void draw(
      ClipTextModel text,
      UNet unet,
      Autoencoder vae,
      Scheduler scheduler,
      int steps,
      Tensor ids,
      Tensor noise) {
    Device device = noise.device();
    long batch = noise.size(0);
    NoiseSource none =
        () -> {
          throw new IllegalStateException("DDIM with eta 0 draws no noise");
        };
    try (MemoryScope scope = MemoryScope.open();
        SchedulerRun run = scheduler.start(steps)) {
      UNet.Context context = unet.context(text.forward(ids, 0, LayerObserver.NONE));
      UNet.Times times = unet.times(device, run.timesteps());
      Tensor x = LinearCombination.of(new double[] {run.initNoiseSigma()}, noise);
      try (UNetReplay replay = new UNetReplay(unet, device, times, context)) {
        for (int i = 0; i < run.calls(); i++) {
          try (MemoryScope step = MemoryScope.open()) {
            Tensor input = run.scaleModelInput(x, i);
            Tensor both = replay.forward(Cat.of(0, input, input), i, LayerObserver.NONE);
            Tensor guided =
                LinearCombination.of(
                    new double[] {1 - GUIDANCE, GUIDANCE},
                    Slice.of(both, 0, 0, batch),
                    Slice.of(both, 0, batch, 2 * batch));
            Tensor before = x;
            x = step.keep(run.step(guided, i, x, none).sample());
            before.close();
          }
        }
      }
      scope.detach(vae.decode(x, false, LayerObserver.NONE).picture()).close();
    }
  }

  @Override
  public void close() {
    noise.close();
    ids.close();
    vae.close();
    unet.close();
    text.close();
  }
}
