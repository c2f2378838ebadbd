package dev.viridian.engine.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.viridian.engine.Device;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.FormulaWeights;
import dev.viridian.engine.io.SafetensorsWriter;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.WeightFiles;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.Add;
import dev.viridian.engine.ops.Cast;
import dev.viridian.engine.ops.Geglu;
import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.cpu.CpuOptions;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Layers in bfloat16 with what is joined to them, beside the same one after the other: by plain
 * loops, which join everything, and on processors with tiles.
 */
@SuppressWarnings("try") // the scopes close what is made
class JoinedLayersTest {
  private static final int IN = 64;
  private static final int OUT = 128;

  @TempDir private Path folder;

  private final List<WeightSource> sources = new ArrayList<>();

  @AfterEach
  void close() {
    sources.forEach(WeightSource::close);
  }

  private static Device device(boolean plain) {
    return Device.cpu(plain ? CpuOptions.reference(2) : CpuOptions.defaults());
  }

  private <M extends Module> M load(M layer, Device device, long... sizes) throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter();
    add(writer, "weight", sizes);
    add(writer, "bias", sizes[0]);
    Path file = folder.resolve(sources.size() + ".safetensors");
    writer.write(file);
    WeightSource source = WeightFiles.open(file);
    sources.add(source);
    ModuleLoader.load(layer, source, device, null, (name, parameter) -> Precision.BF16);
    return layer;
  }

  private static void add(SafetensorsWriter writer, String name, long... sizes) {
    int count = 1;
    List<Long> shape = new ArrayList<>();
    for (long size : sizes) {
      count = Math.toIntExact(count * size);
      shape.add(size);
    }
    MemorySegment numbers = MemorySegment.ofArray(FormulaWeights.uniform(name, count));
    writer.add(new TensorInfo(name, FileType.F32, shape), numbers);
  }

  private static Tensor numbers(Device device, String name, long... sizes) {
    int count = 1;
    for (long size : sizes) {
      count = Math.toIntExact(count * size);
    }
    return Tensors.of(device, FormulaWeights.uniform(name, count), sizes);
  }

  private static float[] floats(Tensor t) {
    return Cast.of(t, DType.F32).toFloats();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void linear(boolean plain) throws IOException {
    try (Device device = device(plain);
        Linear wide = load(new Linear(IN, OUT, true), device, OUT, IN);
        Linear back = load(new Linear(OUT / 2, IN, true), device, IN, OUT / 2);
        MemoryScope scope = MemoryScope.open()) {
      Tensor x = numbers(device, "x", 2, 5, IN);
      Tensor residual = numbers(device, "residual", 2, 5, OUT);
      assertTrue(wide.joinsOnto(x) || !plain);
      assumeTrue(wide.joinsOnto(x), "nothing is joined here");
      float[] sum = Add.of(residual, wide.forward(x)).toFloats();
      assertArrayEquals(sum, wide.forwardOnto(x, residual).toFloats(), 1e-5f);

      assertTrue(wide.takesRounded(x));
      Tensor rounded = Cast.of(x, DType.BF16);
      assertFalse(wide.takesRounded(rounded), "it is rounded already");
      assertArrayEquals(wide.forward(x).toFloats(), wide.forward(rounded).toFloats(), 1e-5f);
      assertArrayEquals(sum, wide.forwardOnto(rounded, residual).toFloats(), 1e-5f);

      assertTrue(wide.gates(x, back));
      Tensor gated = wide.forwardGated(x, back);
      assertEquals(DType.BF16, gated.dtype());
      Tensor apart = Cast.of(Geglu.of(wide.forward(x)), DType.BF16);
      assertArrayEquals(floats(apart), floats(gated), 0.04f); // one in the last place of 8
      Tensor other = numbers(device, "other", 2, 5, IN);
      assertArrayEquals(
          Add.of(other, back.forward(gated)).toFloats(),
          back.forwardOnto(gated, other).toFloats(),
          1e-5f);
      assertThrows(ShapeException.class, () -> wide.forwardOnto(x, other));
      Tensor none = Tensors.of(device, new float[0], 0, IN);
      Tensor empty = Tensors.of(device, new float[0], 0, OUT);
      assertEquals(0, wide.forwardOnto(none, empty).elements());
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void convolution(boolean plain) throws IOException {
    try (Device device = device(plain);
        Conv2d conv = load(new Conv2d(IN, OUT, 3, 1, 1), device, OUT, IN, 3, 3);
        MemoryScope scope = MemoryScope.open()) {
      Tensor x = numbers(device, "x", 2, 6, 5, IN);
      Tensor residual = numbers(device, "residual", 2, 6, 5, OUT);
      assertTrue(conv.joinsOnto(x) || !plain);
      assumeTrue(conv.joinsOnto(x), "nothing is joined here");
      float[] sum = Add.of(residual, conv.forward(x)).toFloats();
      assertArrayEquals(sum, conv.forwardOnto(x, residual).toFloats(), 1e-5f);
      assertTrue(conv.takesRounded(x));
      Tensor rounded = Cast.of(x, DType.BF16);
      assertArrayEquals(conv.forward(x).toFloats(), conv.forward(rounded).toFloats(), 1e-5f);
      assertArrayEquals(
          conv.forwardWithoutBias(x).toFloats(),
          conv.forwardWithoutBias(rounded).toFloats(),
          1e-5f);
      assertArrayEquals(sum, conv.forwardOnto(rounded, residual).toFloats(), 1e-5f);
      assertThrows(ShapeException.class, () -> conv.forwardOnto(x, x));
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void norms(boolean plain) throws IOException {
    try (Device device = device(plain);
        GroupNorm group = load(new GroupNorm(4, IN, 1e-5f), device, IN);
        LayerNorm layer = load(new LayerNorm(IN, 1e-5f), device, IN);
        MemoryScope scope = MemoryScope.open()) {
      Tensor x = numbers(device, "x", 2, 3, 5, IN);
      boolean rounds = device.kernels().norm().rounds(IN);
      assertTrue(rounds || !plain);
      Tensor g = group.forward(x, Activation.SILU, true);
      Tensor l = layer.forward(x, true);
      assertEquals(rounds ? DType.BF16 : DType.F32, g.dtype());
      assertEquals(rounds ? DType.BF16 : DType.F32, l.dtype());
      assertArrayEquals(group.forward(x, Activation.SILU).toFloats(), floats(g), 0.02f);
      assertArrayEquals(layer.forward(x).toFloats(), floats(l), 0.02f);
      assertEquals(DType.F32, group.forward(x, Activation.SILU, false).dtype());
    }
  }
}
