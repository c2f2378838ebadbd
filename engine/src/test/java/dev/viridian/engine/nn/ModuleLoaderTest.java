package dev.viridian.engine.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.FormulaWeights;
import dev.viridian.engine.io.SafetensorsWriter;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.WeightFiles;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.CpuOptions;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.memory.HostBuffer;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Weights as they come out of a file, number by number, against loops over the file's numbers. */
final class ModuleLoaderTest {
  @TempDir private Path folder;

  /** One parameter of each kind; of the largest, a file has many parts. */
  private static final class Kinds extends Module {
    private final Map<String, List<Long>> shapes = new LinkedHashMap<>();

    Kinds() {
      filters("wide", 40, 2560, 3, 3);
      filters("odd", 7, 19, 3, 3);
      filters("few", 5, 3, 7, 7);
      filters("depthwise", 9, 1, 3, 3);
      filters("point", 6, 20, 1, 1);
      filters("tall", 3, 16, 5, 2);
      shapes.put("linear", List.of(70L, 9L));
      linear("linear", 70, 9);
      shapes.put("scale", List.of(33L));
      parameter("scale", 33);
      shapes.put("one", List.of());
      parameter("one");
    }

    private void filters(String name, long out, long in, long high, long wide) {
      shapes.put(name, List.of(out, in, high, wide));
      convolution(name, out, in, high, wide);
    }
  }

  private static int count(List<Long> shape) {
    return Math.toIntExact(shape.stream().reduce(1L, Math::multiplyExact));
  }

  private static int bits(DType type, float value) {
    return switch (type) {
      case F16 -> Float.floatToFloat16(value) & 0xFFFF;
      case BF16 -> Numbers.floatToBf16(value) & 0xFFFF;
      default -> Float.floatToRawIntBits(value);
    };
  }

  private static MemorySegment stored(FileType type, float[] values) {
    return switch (type) {
      case F64 -> {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
          wide[i] = values[i] * (1 + 1e-12); // rounds to the float
        }
        yield MemorySegment.ofArray(wide);
      }
      case F16, BF16 -> {
        short[] halves = new short[values.length];
        for (int i = 0; i < halves.length; i++) {
          halves[i] = (short) bits(type == FileType.F16 ? DType.F16 : DType.BF16, values[i]);
        }
        yield MemorySegment.ofArray(halves);
      }
      default -> MemorySegment.ofArray(values);
    };
  }

  private Path write(Kinds module, FileType type) {
    Path file = folder.resolve(type + ".safetensors");
    SafetensorsWriter writer = new SafetensorsWriter();
    module.shapes.forEach(
        (name, shape) ->
            writer.add(
                new TensorInfo(name, type, shape),
                stored(type, FormulaWeights.uniform(name, count(shape)))));
    writer.write(file);
    return file;
  }

  /** A number of a file as it is stored there. */
  private static float read(FileType type, float value) {
    return switch (type) {
      case F16 -> Float.float16ToFloat((short) bits(DType.F16, value));
      case BF16 -> Float.intBitsToFloat(bits(DType.BF16, value) << 16);
      default -> value;
    };
  }

  private static int bitsOf(Tensor tensor, long index) {
    MemorySegment s = HostBuffer.of(tensor.buffer());
    return tensor.dtype() == DType.F32
        ? s.get(ValueLayout.JAVA_INT_UNALIGNED, 4 * index)
        : s.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * index) & 0xFFFF;
  }

  private static void check(Kinds module, FileType type, DType dtype) {
    module.shapes.forEach(
        (name, shape) -> {
          float[] values = FormulaWeights.uniform(name, count(shape));
          Tensor found = module.parameters().get(name).value();
          assertEquals(dtype, found.dtype(), name);
          int inner = shape.size() == 4 ? Math.toIntExact(shape.get(1)) : 1;
          int taps = shape.size() == 4 ? Math.toIntExact(shape.get(2) * shape.get(3)) : 1;
          for (int i = 0; i < values.length; i++) {
            int tap = i % taps;
            int channel = i / taps % inner;
            int turned = (i / taps / inner * taps + tap) * inner + channel;
            int expected = bits(dtype, read(type, values[i]));
            if (bitsOf(found, turned) != expected) {
              assertEquals(expected, bitsOf(found, turned), name + " " + i + ", " + type);
            }
          }
        });
  }

  @ParameterizedTest
  @CsvSource({
    "F32, F32, 2",
    "F16, F16, 1",
    "F16, F16, 3",
    "BF16, BF16, 2",
    "F64, F32, 2",
    "F16, F32, 2",
    "F32, F16, 3",
    "F32, BF16, 2",
    "F64, F16, 2",
    "BF16, F16, 2",
  })
  void everyNumber(FileType type, DType dtype, int threads) {
    try (Device device = Device.cpu(new CpuOptions(threads, Map.of()));
        Kinds module = new Kinds();
        WeightSource source = WeightFiles.open(write(module, type))) {
      boolean kept = type.dtype() == dtype || type == FileType.F64 && dtype == DType.F32;
      ModuleLoader.load(module, source, device, kept ? null : dtype);
      check(module, type, dtype);
    }
  }

  @Test
  void whatLiesAsItIsUsedStaysInTheFile() {
    try (Kinds module = new Kinds();
        WeightSource source = WeightFiles.open(write(module, FileType.F16))) {
      ModuleLoader.load(module, source, Device.cpu(), null);
      for (String name : List.of("linear", "scale", "one", "point", "depthwise")) {
        Tensor value = module.parameters().get(name).value();
        assertTrue(HostBuffer.of(value.buffer()).isMapped(), name);
      }
      Tensor turned = module.parameters().get("odd").value();
      assertFalse(HostBuffer.of(turned.buffer()).isMapped());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void aFileThatWasCutIsRefused(int threads) throws Exception {
    try (Device device = Device.cpu(new CpuOptions(threads, Map.of()));
        Kinds module = new Kinds()) {
      Path file = write(module, FileType.F32);
      try (WeightSource source = WeightFiles.open(file)) {
        try (RandomAccessFile cut = new RandomAccessFile(file.toFile(), "rw")) {
          cut.setLength(1 << 20);
        }
        InputException e =
            assertThrows(
                InputException.class, () -> ModuleLoader.load(module, source, device, null));
        assertTrue(e.getMessage().contains("ends at byte 1048576"), e.getMessage());
        assertFalse(module.parameters().get("wide").isBound());
      }
      assertEquals(0, device.allocator().usage().used());
    }
  }
}
