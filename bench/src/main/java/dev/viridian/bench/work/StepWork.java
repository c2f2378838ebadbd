package dev.viridian.bench.work;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.unet.UNet;
import dev.viridian.diffusion.unet.UNetReplay;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.nn.ModuleLoader;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Precision;

/**
 * One evaluation of the noise predictor. What a run computes once (keys and values of the text, the
 * time embedding) is prepared beforehand, as in a run; on a CUDA device the second evaluation is
 * recorded and later ones are replayed, as there.
 */
public final class StepWork implements Work {
  private static final double TIME = 481;

  private final UNet unet;
  private final Tensor sample;
  private final Tensor encoded;
  private final UNet.Context context;
  private final UNet.Times times;
  private final UNetReplay replay;
  private final String name;

  /** Loads the network; sizes in pixels. */
  public StepWork(
      ModelFiles model,
      Device device,
      DType dtype,
      Precision precision,
      int width,
      int height,
      int batch) {
    int scale = model.configs().vae().pixelsPerLatent();
    unet = new UNet(model.configs().unet());
    ModuleLoader.load(unet, model.unet(), device, dtype, UNet.precisions(precision));
    int tokens = model.configs().textEncoder().maxPositions();
    int channels = unet.config().inChannels();
    name = "step " + width + "x" + height + Noise.batch(batch);
    sample = Noise.of(device, Shape.of(batch, height / scale, width / scale, channels));
    encoded = Noise.of(device, Shape.of(batch, tokens, unet.config().crossAttentionDim()));
    context = unet.context(encoded);
    times = unet.times(device, TIME);
    replay = new UNetReplay(unet, device, times, context);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public void run() {
    replay.forward(sample, 0, LayerObserver.NONE).close();
  }

  @Override
  public void close() {
    replay.close();
    times.close();
    context.close();
    encoded.close();
    sample.close();
    unet.close();
  }
}
