package dev.viridian.diffusion.unet;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.diffusion.weights.FormulaSource;
import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.io.FormulaWeights;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.ModuleLoader;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.cpu.CpuOptions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A transformer whose layers are in different precisions, as some are in an int8 network: what one
 * layer takes rounded, or joined to its product, the next may not. By plain loops, which join
 * everything.
 */
@SuppressWarnings("try") // the scopes close what is made
class MixedTransformerTest {
  private static final int CHANNELS = 64;
  private static final int CONTEXT = 32;

  private static Map<String, List<Long>> shapes(SpatialTransformer transformer) {
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    transformer
        .parameters()
        .forEach(
            (name, parameter) -> {
              List<Long> sizes = new ArrayList<>();
              for (long size : parameter.fileShape().sizes()) {
                sizes.add(size);
              }
              shapes.put(name, sizes);
            });
    return shapes;
  }

  private static float[] run(Device device, List<String> rounded, Precision others) {
    Set<String> told = new LinkedHashSet<>();
    try (SpatialTransformer transformer = new SpatialTransformer("block", CHANNELS, CONTEXT, 2, 4);
        WeightSource weights = new FormulaSource(shapes(transformer), "", DType.F32);
        MemoryScope scope = MemoryScope.open()) {
      ModuleLoader.load(
          transformer,
          weights,
          device,
          null,
          (name, parameter) -> rounded.stream().anyMatch(name::contains) ? Precision.BF16 : others);
      Tensor x = Tensors.of(device, FormulaWeights.uniform("x", 12 * CHANNELS), 1, 3, 4, CHANNELS);
      Tensor text = Tensors.of(device, FormulaWeights.uniform("t", 5 * CONTEXT), 1, 5, CONTEXT);
      CrossAttention.KeyValue kv = transformer.keyValue(text, DType.F32);
      Tensor y = transformer.forward(x, kv, null, null, (name, value) -> told.add(name));
      assertEquals(
          Set.of(
              "block",
              "block.transformer_blocks.0.attn1",
              "block.transformer_blocks.0.attn2",
              "block.transformer_blocks.0.ff"),
          told,
          "every layer is told of");
      return y.toFloats();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "to_q",
        "to_k",
        "attn1.to_q",
        "attn1.to_out",
        "attn2.to_out",
        "ff.net",
        "ff.net.0",
        "ff.net.2",
        "proj_in",
        "proj_out",
        "attn1.to_q attn1.to_k attn1.to_v",
        "to_out ff.net",
        "proj attn ff"
      })
  void theResultIsThatOfF32(String rounded) {
    try (Device plain = Device.cpu(CpuOptions.reference(2));
        Device usual = Device.cpu(CpuOptions.defaults())) {
      float[] expected = run(plain, List.of(), Precision.F32);
      List<String> names = List.of(rounded.split(" "));
      float[] bytes = run(plain, names, Precision.INT8);
      assertArrayEquals(expected, bytes, 0.2f);
      assertArrayEquals(expected, run(plain, names, Precision.F32), 0.1f);
      if (usual.kernels().packed().offers(Precision.INT8)) {
        assertArrayEquals(bytes, run(usual, names, Precision.INT8), 0.1f);
      }
      float most = 0;
      for (float value : expected) {
        most = Math.max(most, Math.abs(value));
      }
      assertTrue(most > 1, "numbers of some size");
    }
  }
}
