package dev.viridian.bench.work;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.nn.ModuleLoader;
import dev.viridian.kernels.DType;

/** Decoding latents to pictures. */
public final class VaeWork implements Work {
  private final Autoencoder vae;
  private final Tensor latents;
  private final String name;

  /** Loads the network; sizes in pixels. */
  public VaeWork(ModelFiles model, Device device, DType dtype, int width, int height, int batch) {
    vae = new Autoencoder(model.configs().vae());
    ModuleLoader.load(vae, model.vae(), device, dtype);
    int scale = vae.config().pixelsPerLatent();
    int channels = vae.config().latentChannels();
    name = "vae " + width + "x" + height + Noise.batch(batch);
    latents = Noise.of(device, Shape.of(batch, height / scale, width / scale, channels));
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public void run() {
    vae.decode(latents, false, LayerObserver.NONE).close();
  }

  @Override
  public void close() {
    latents.close();
    vae.close();
  }
}
