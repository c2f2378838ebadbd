package dev.viridian.diffusion.vae;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.diffusion.layers.Bands;
import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.testing.GoldenModels;
import dev.viridian.diffusion.weights.ModelConfigs;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.DryRun;
import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.ModuleLoader;
import dev.viridian.engine.nn.Parameter;
import dev.viridian.engine.random.TorchRandom;
import dev.viridian.kernels.DType;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Decoding band by band: the same picture, in less memory. */
class BandsTest {
  private static final Device DEVICE = Device.cpu();

  /** Bands of the fewest rows. */
  private static final Bands THIN = new Bands(1, () -> {});

  private static Tensor latents(long n, int h, int w) {
    float[] values = new float[Math.toIntExact(n * h * w * 4)];
    new TorchRandom(5).randn(values);
    return Tensors.of(DEVICE, values, n, h, w, 4);
  }

  private static double difference(Tensor a, Tensor b) {
    assertEquals(a.shape(), b.shape());
    float[] x = a.toFloats();
    float[] y = b.toFloats();
    double largest = 0;
    double most = 0;
    for (int i = 0; i < x.length; i++) {
      largest = Math.max(largest, Math.abs(x[i]));
      most = Math.max(most, Math.abs(x[i] - (double) y[i]));
    }
    return most / largest;
  }

  /** Sizes of one band, of several, and of a last one that is thinner than what is read around. */
  @ParameterizedTest
  @CsvSource({"1,1", "3,5", "9,7", "16,16"})
  @SuppressWarnings("try") // the scope closes what the test makes
  void theSamePictureAndFeatures(int h, int w) {
    long before = DEVICE.allocator().usage().used();
    try (ModelFiles files = GoldenModels.tiny("formula");
        Autoencoder vae = new Autoencoder(files.configs().vae());
        MemoryScope scope = MemoryScope.open()) {
      ModuleLoader.load(vae, files.vae(), DEVICE, DType.F32);
      Tensor latents = latents(1, h, w);
      for (boolean beforeNorm : new boolean[] {false, true}) {
        try (Autoencoder.Decoded whole = vae.decode(latents, beforeNorm, LayerObserver.NONE);
            Autoencoder.Decoded bands = vae.decode(latents, beforeNorm, THIN, LayerObserver.NONE)) {
          assertTrue(difference(whole.picture(), bands.picture()) < 2e-5);
          assertTrue(difference(whole.feature(), bands.feature()) < 2e-5);
        }
      }
    }
    assertEquals(before, DEVICE.allocator().usage().used(), "bytes still in use");
  }

  @Test
  @SuppressWarnings("try")
  void itEndsBetweenBandsAndKeepsNothing() {
    long before = DEVICE.allocator().usage().used();
    try (ModelFiles files = GoldenModels.tiny("formula");
        Autoencoder vae = new Autoencoder(files.configs().vae());
        MemoryScope scope = MemoryScope.open()) {
      ModuleLoader.load(vae, files.vae(), DEVICE, DType.F32);
      Tensor latents = latents(1, 9, 7);
      for (int last = 1; last < 40; last += 3) {
        int[] left = {last};
        Bands ending =
            new Bands(
                1,
                () -> {
                  if (--left[0] == 0) {
                    throw new CancellationException();
                  }
                });
        long used = DEVICE.allocator().usage().used();
        assertThrows(
            CancellationException.class,
            () -> vae.decode(latents, false, ending, LayerObserver.NONE));
        assertEquals(used, DEVICE.allocator().usage().used(), "after " + last);
      }
      assertThrows(
          ShapeException.class,
          () -> vae.decode(latents(2, 1, 1), false, THIN, LayerObserver.NONE));
    }
    assertEquals(before, DEVICE.allocator().usage().used(), "bytes still in use");
  }

  /** Of Stable Diffusion's decoder, counted on a device that computes nothing. */
  @SuppressWarnings("try")
  private static long peak(int side, boolean tiled) {
    try (DryRun run = new DryRun();
        Autoencoder vae = new Autoencoder(ModelConfigs.sd15().vae());
        MemoryScope scope = MemoryScope.open()) {
      for (Parameter p : vae.parameters().values()) {
        p.bind(scope.detach(run.borrowed(new TensorSpec(p.shape(), DType.F16))));
      }
      Shape shape = Shape.of(1, side / 8, side / 8, 4);
      Tensor latents = Tensor.empty(run.device(), new TensorSpec(shape, DType.F32));
      Autoencoder.Decoded decoded =
          tiled
              ? vae.decode(latents, false, new Bands(8 << 20, () -> {}), LayerObserver.NONE)
              : vae.decode(latents, false, LayerObserver.NONE);
      assertEquals(Shape.of(1, side, side, 3), decoded.picture().shape());
      return run.peak();
    }
  }

  @Test
  void memory() {
    assertTrue(peak(512, false) < 680e6, "whole, 512: " + peak(512, false));
    assertTrue(peak(512, true) < 270e6, "bands, 512: " + peak(512, true));
    assertTrue(peak(1024, false) < 2700e6, "whole, 1024: " + peak(1024, false));
    assertTrue(peak(1024, true) < 880e6, "bands, 1024: " + peak(1024, true));
  }
}
