package dev.viridian.bench.work;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.pipeline.StableDiffusion;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.ModuleLoader;
import dev.viridian.engine.ops.Slice;
import dev.viridian.kernels.DType;

/** Decoding latents to pictures. */
public final class VaeWork implements Work {
  private final Autoencoder vae;
  private final Tensor latents;
  private final String name;
  private final boolean tiled;

  /** Loads the network; sizes in pixels. */
  public VaeWork(
      ModelFiles model,
      Device device,
      DType dtype,
      int width,
      int height,
      int batch,
      boolean tiled) {
    this.tiled = tiled;
    vae = new Autoencoder(model.configs().vae());
    ModuleLoader.load(vae, model.vae(), device, dtype);
    int scale = vae.config().pixelsPerLatent();
    int channels = vae.config().latentChannels();
    name = "vae " + width + "x" + height + Noise.batch(batch) + (tiled ? " in bands" : "");
    latents = Noise.of(device, Shape.of(batch, height / scale, width / scale, channels));
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  @SuppressWarnings("try") // scopes close what a run makes
  public void run() {
    if (!tiled) {
      vae.decode(latents, false, LayerObserver.NONE).close();
      return;
    }
    for (int i = 0; i < latents.size(0); i++) {
      try (MemoryScope scope = MemoryScope.open()) {
        Tensor one = Slice.of(latents, 0, i, i + 1L);
        vae.decode(one, false, StableDiffusion.bands(() -> {}), LayerObserver.NONE);
      }
    }
  }

  @Override
  public void close() {
    latents.close();
    vae.close();
  }
}
