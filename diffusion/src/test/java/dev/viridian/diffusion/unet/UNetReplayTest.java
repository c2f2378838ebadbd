package dev.viridian.diffusion.unet;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.testing.GoldenModels;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.io.FormulaWeights;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.ModuleLoader;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cuda.EmulatedDevice;
import org.junit.jupiter.api.Test;

/** Evaluations that are recorded at the second step, on the emulated CUDA device. */
class UNetReplayTest {
  private static final double[] TIMES = {900, 500, 20, 1};

  @Test
  @SuppressWarnings("try") // the scope closes what is made
  void replaysTheEvaluationsOfARun() {
    EmulatedDevice emulated = EmulatedDevice.load();
    emulated.reset();
    try (ModelFiles files = GoldenModels.tiny("formula");
        Device device = Device.cuda(0);
        UNet unet = new UNet(files.configs().unet())) {
      ModuleLoader.load(unet, files.unet(), device, DType.F32);
      long before = device.allocator().usage().used();
      try (MemoryScope scope = MemoryScope.open();
          UNet.Times times = unet.times(device, TIMES)) {
        UNet.Context context = unet.context(values(device, "text", 1, 77, 32));
        try (UNetReplay replay = new UNetReplay(unet, device, times, context)) {
          for (int step = 0; step < TIMES.length; step++) {
            Tensor sample = values(device, "sample" + step, 1, 4, 5, 4);
            Tensor replayed = replay.forward(sample, step, LayerObserver.NONE);
            assertEquals(step > 0, replay.isRecorded());
            Tensor plain = unet.forward(sample, times, step, context, LayerObserver.NONE);
            assertArrayEquals(plain.toFloats(), replayed.toFloats(), "step " + step);
          }
        }
      }
      assertEquals(before, device.allocator().usage().used(), "bytes still in use");
      assertTrue(before > 0);
    }
    assertEquals("", emulated.report());
  }

  private static Tensor values(Device device, String key, long... sizes) {
    int count = 1;
    for (long size : sizes) {
      count *= (int) size;
    }
    return Tensors.of(device, FormulaWeights.uniform(key, count), sizes);
  }
}
