package dev.viridian.engine.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.viridian.engine.Device;
import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.testing.GoldenDevices;
import dev.viridian.kernels.DType;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;

/**
 * Every op that takes activations of 16 bits, on an (emulated) CUDA device that has them, against
 * the plain loops in F32 on the same numbers.
 */
class CudaActivationTypeTest {
  private static final Set<Class<?>> OPS =
      Set.of(
          Geglu.class,
          BiasAdd.class,
          Linear.class,
          Conv2d.class,
          GroupNorm.class,
          LayerNorm.class,
          BatchNormInference.class,
          Softmax.class,
          Attention.class,
          Resize.class,
          Cat.class);

  private static final List<DType> TYPES = List.of(DType.F16, DType.BF16);
  private static final Map<DType, Device> DEVICES = new EnumMap<>(DType.class);

  @BeforeAll
  static void open() {
    GoldenDevices.prepareCuda();
    TYPES.forEach(type -> DEVICES.put(type, Device.cuda(0, type)));
  }

  @AfterAll
  static void close() {
    DEVICES.values().forEach(Device::close);
    DEVICES.clear();
    assertEquals("", GoldenDevices.cudaReport());
  }

  @TestFactory
  Stream<DynamicTest> activationsOfSixteenBits() {
    return TYPES.stream()
        .flatMap(
            type ->
                OpCatalogueTest.rows().stream()
                    .filter(CudaActivationTypeTest::isTaken)
                    .flatMap(row -> row.samples().stream().map(s -> test(row, s, type))));
  }

  private static boolean isTaken(OpRow row) {
    return OPS.contains(row.op())
        || UnaryOp.class.isAssignableFrom(row.op())
        || BinaryOp.class.isAssignableFrom(row.op());
  }

  /** Which inputs are activations. */
  private static boolean isActivation(OpRow row, int input) {
    if (row.op() == BiasAdd.class) {
      return input != 1;
    }
    int first = row.op() == Attention.class ? 3 : BinaryOp.class.isAssignableFrom(row.op()) ? 2 : 1;
    return row.op() == Cat.class || input < first;
  }

  private static DynamicTest test(OpRow row, OpRow.Sample sample, DType type) {
    return dynamicTest(
        type + " " + row.op().getSimpleName() + ": " + sample.name(),
        () -> check(row, sample, type));
  }

  private static void check(OpRow row, OpRow.Sample sample, DType type) {
    List<float[]> plain = run(OpCatalogueTest.REFERENCE, row, sample, type);
    List<float[]> actual = run(DEVICES.get(type), row, sample, type);
    // as much as two units of the type: of factors that are rounded, of results, of their bias
    double tolerance = type == DType.F16 ? 0x1p-9 : 0x1p-6;
    assertEquals(plain.size(), actual.size());
    for (int i = 0; i < plain.size(); i++) {
      compare("output " + i, tolerance, plain.get(i), actual.get(i));
    }
  }

  /** The outputs; on the CPU of activations that are rounded and widened again. */
  private static List<float[]> run(Device device, OpRow row, OpRow.Sample sample, DType type) {
    boolean own = device.activations() == type;
    long before = device.allocator().usage().used();
    List<float[]> outputs = new ArrayList<>();
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor[] in = OpCatalogueTest.inputs(device, sample, false, scope);
      for (int i = 0; i < in.length; i++) {
        if (isActivation(row, i) && in[i].dtype() == DType.F32) {
          Tensor rounded = Cast.of(in[i], type);
          in[i] = own ? rounded : Cast.of(rounded, DType.F32);
        }
      }
      List<Tensor> out = sample.apply().apply(in);
      if (in[0].dtype() == type) {
        assertEquals(type, out.getFirst().dtype());
      }
      for (Tensor each : out) {
        if (each.dtype().isFloat()) {
          outputs.add(Cast.of(each, DType.F32).toFloats());
        }
      }
    }
    assertEquals(before, device.allocator().usage().used(), "bytes still in use");
    return outputs;
  }

  private static void compare(String what, double tolerance, float[] expected, float[] actual) {
    assertEquals(expected.length, actual.length);
    double largest = 1e-3;
    for (float value : expected) {
      largest = Math.max(largest, Float.isFinite(value) ? Math.abs(value) : 0);
    }
    for (int j = 0; j < expected.length; j++) {
      double difference = Math.abs((double) expected[j] - actual[j]);
      assertTrue(
          Float.compare(expected[j], actual[j]) == 0 || difference <= tolerance * largest,
          what + " at " + j + ": expected " + expected[j] + ", got " + actual[j]);
    }
  }

  @Test
  @SuppressWarnings("try") // the scope and the tape close what is made
  void areRefusedWhereNothingTakesThem() {
    Device device = DEVICES.get(DType.F16);
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor x = Tensors.full(device, Shape.of(2, 3), 1);
      Tensor half = Cast.of(x, DType.F16);
      Tensor brain = Cast.of(x, DType.BF16);
      refused("Silu: expected F32 on cuda:0, got BF16[2, 3]", () -> Silu.of(brain));
      refused("Add: b: expected F16, got F32[2, 3]", () -> Add.of(half, x));
      refused("Sum: x: expected F32, got F16[2, 3]", () -> Sum.of(half, false, 0));
      Tensor own = Cast.of(Tensors.full(Device.cpu(), Shape.of(2, 3), 1), DType.F16);
      refused("Silu: expected F32 on cpu, got F16[2, 3]", () -> Silu.of(own));
      try (Tape tape = Tape.open()) {
        assertEquals(DType.F32, Tape.activations(device));
        Tensor tracked =
            Cast.of(Tensors.full(device, Shape.of(3), 1).requireGradient(true), DType.F16);
        refused(
            "Silu: expected F32 where a gradient is wanted, got F16[3]", () -> Silu.of(tracked));
      }
      assertEquals(DType.F16, Tape.activations(device));
    }
  }

  private static void refused(String message, Executable work) {
    assertEquals(message, assertThrows(ShapeException.class, work).getMessage());
  }
}
