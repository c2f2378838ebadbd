package dev.viridian.diffusion;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.testing.GoldenModels;
import dev.viridian.diffusion.unet.UNet;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.io.FormulaWeights;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.ModuleLoader;
import dev.viridian.engine.testing.GoldenArea;
import dev.viridian.engine.testing.GoldenDevices;
import dev.viridian.kernels.DType;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A step of the tiny noise predictor on an (emulated) CUDA device that multiplies 16 bits, against
 * the CPU in F32.
 */
@GoldenArea("sd-tiny")
class CudaUNetTest {
  @SuppressWarnings("try") // the scope closes what the step makes
  private static float[] step(Device device, DType weights) {
    try (MemoryScope scope = MemoryScope.open();
        ModelFiles files = GoldenModels.tiny("formula");
        UNet unet = new UNet(files.configs().unet())) {
      ModuleLoader.load(unet, files.unet(), device, weights);
      Tensor sample =
          Tensors.of(device, FormulaWeights.uniform("sample", 2 * 8 * 8 * 4), 2, 8, 8, 4);
      Tensor text = Tensors.of(device, FormulaWeights.uniform("text", 2 * 77 * 32), 2, 77, 32);
      return unet.forward(
              sample, unet.times(device, 500), 0, unet.context(text), LayerObserver.NONE)
          .toFloats();
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F16", "BF16"})
  void aStepIsAsNearAsTheTypeAllows(DType type) {
    GoldenDevices.prepareCuda();
    float[] expected = step(Device.cpu(), DType.F32);
    float[] actual;
    try (Device device = Device.cuda(0, type)) {
      actual = step(device, type);
      assertEquals(0, device.allocator().usage().used(), "bytes still in use");
    }
    assertEquals("", GoldenDevices.cudaReport());
    double difference = 0;
    double size = 0;
    for (int i = 0; i < expected.length; i++) {
      difference += Math.pow((double) actual[i] - expected[i], 2);
      size += Math.pow(expected[i], 2);
    }
    double error = Math.sqrt(difference / size);
    double allowed = type == DType.F16 ? 4e-3 : 3e-2;
    assertTrue(error < allowed, type + ": " + error);
  }
}
