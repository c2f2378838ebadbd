package dev.viridian.engine.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.FormulaWeights;
import dev.viridian.engine.io.SafetensorsWriter;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.WeightFiles;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.PackedKernels;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.cpu.CpuKernels;
import dev.viridian.kernels.cpu.CpuOptions;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which weights become bytes: those that do not lose too much of it. */
class PackedLayersTest {
  private static final int SIDE = 64;

  @TempDir private Path folder;

  private Path file(String name, float outlier) throws IOException {
    float[] weight = FormulaWeights.uniform(name, SIDE * SIDE);
    for (int i = 7; i < weight.length; i += SIDE) {
      weight[i] *= outlier;
    }
    Path file = folder.resolve(name + ".safetensors");
    new SafetensorsWriter()
        .add(
            new TensorInfo("weight", FileType.F32, List.of((long) SIDE, (long) SIDE)),
            MemorySegment.ofArray(weight))
        .write(file);
    return file;
  }

  private static Linear load(Path file, Device device, Precision precision) {
    Linear linear = new Linear(SIDE, SIDE, false);
    try (WeightSource source = WeightFiles.open(file)) {
      ModuleLoader.load(linear, source, device, null, (name, parameter) -> precision);
    }
    return linear;
  }

  /**
   * Linear layers of F32 numbers are packed where that gains; those of 16 bits stay as they are.
   */
  @Test
  void wideNumbersArePackedForTheSameResult() throws IOException {
    Path file = file("wide", 1);
    Device device = Device.cpu(new CpuKernels(CpuOptions.defaults()));
    boolean gains = device.kernels().packed().offers(Precision.F32);
    try (WeightSource source = WeightFiles.open(file);
        Linear packed = load(file, device, Precision.F32);
        Linear plain = new Linear(SIDE, SIDE, false);
        Linear narrow = new Linear(SIDE, SIDE, false)) {
      ModuleLoader.load(plain, source, device, null);
      ModuleLoader.load(narrow, source, device, DType.F16, (name, parameter) -> Precision.F32);
      assertEquals(gains, isPacked(packed));
      assertFalse(isPacked(plain));
      assertFalse(isPacked(narrow));
      assertFalse(packed.packed(), "that is not a lower precision");
      assertArrayEquals(forward(plain, device), forward(packed, device), 1e-5f);
    }
  }

  private static boolean isPacked(Linear linear) {
    return linear.parameters().values().iterator().next().packing() != null;
  }

  /** Of kernels that have no products in bfloat16. */
  private static Device withoutPairs(Device device) {
    PackedKernels all = device.kernels().packed();
    ClassLoader loader = PackedLayersTest.class.getClassLoader();
    InvocationHandler without =
        (self, method, arguments) ->
            method.getName().equals("offers")
                ? arguments[0] != Precision.BF16 && all.offers((Precision) arguments[0])
                : method.invoke(all, arguments);
    Object packed = Proxy.newProxyInstance(loader, new Class<?>[] {PackedKernels.class}, without);
    return Device.cpu(
        (Kernels)
            Proxy.newProxyInstance(
                loader,
                new Class<?>[] {Kernels.class},
                (self, method, arguments) ->
                    method.getName().equals("packed")
                        ? packed
                        : method.invoke(device.kernels(), arguments)));
  }

  @SuppressWarnings("try") // the scope closes what is made
  private static float[] forward(Linear linear, Device device) {
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor x = Tensors.of(device, FormulaWeights.uniform("x", 3 * SIDE), 3, SIDE);
      return linear.forward(x).toFloats();
    }
  }

  @Test
  void outliersDecide() throws IOException {
    Path even = file("even", 1);
    Path odd = file("odd", 1000);
    Device device = Device.cpu(new CpuKernels(CpuOptions.defaults()));
    try (Device fewer = withoutPairs(device)) {
      PackedKernels packed = device.kernels().packed();
      assumeTrue(packed.offers(Precision.INT8) && packed.offers(Precision.BF16), "none here");
      try (Linear linear = load(even, device, Precision.INT8)) {
        assertEquals(
            new PackedLayers(Map.of(Precision.INT8, 1), List.of()), PackedLayers.of(linear));
        assertEquals("1 in int8", PackedLayers.of(linear).toString());
        assertTrue(linear.packed());
      }
      double lost;
      try (Linear linear = load(odd, device, Precision.INT8);
          Linear pairs = load(odd, device, Precision.BF16)) {
        PackedLayers layers = PackedLayers.of(linear);
        lost = layers.kept().getFirst().lost();
        assertTrue(lost > 0.5, layers.toString());
        assertEquals(
            new PackedLayers(
                Map.of(Precision.BF16, 1),
                List.of(new PackedLayers.Kept("weight", Precision.BF16, lost))),
            layers);
        assertEquals(Map.of("bf16", 1, "kept", Map.of("weight", lost)), layers.json());
        assertArrayEquals(forward(pairs, device), forward(linear, device));
        assertEquals(List.of(), PackedLayers.of(pairs).kept(), "was to be bf16");
      }
      try (Linear linear = load(odd, fewer, Precision.INT8);
          Linear plain = load(odd, device, Precision.F32)) {
        assertEquals(
            new PackedLayers(
                Map.of(), List.of(new PackedLayers.Kept("weight", Precision.F32, lost))),
            PackedLayers.of(linear));
        assertFalse(linear.packed());
        assertEquals(PackedLayers.NONE, PackedLayers.of(plain));
      }
    }
  }
}
