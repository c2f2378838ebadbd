package dev.viridian.engine.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.viridian.engine.Device;
import dev.viridian.engine.testing.GoldenDevices;
import dev.viridian.kernels.DType;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * The ops that multiply, forward and backward, on an (emulated) CUDA device that rounds factors to
 * 16 bits: as near to the plain loops as that type lets them be.
 */
class CudaComputeTypeTest {
  private static final Set<Class<?>> OPS =
      Set.of(Linear.class, MatMul.class, Conv2d.class, ConvTranspose2d.class, Attention.class);

  @TestFactory
  Stream<DynamicTest> factorsOfSixteenBits() {
    GoldenDevices.prepareCuda();
    return Stream.of(DType.F16, DType.BF16)
        .flatMap(
            type ->
                OpCatalogueTest.rows().stream()
                    .filter(row -> OPS.contains(row.op()))
                    .flatMap(row -> row.samples().stream().map(s -> test(row, s, type))));
  }

  @AfterAll
  static void nothingElseIsWrong() {
    assertEquals("", GoldenDevices.cudaReport());
  }

  private static DynamicTest test(OpRow row, OpRow.Sample sample, DType type) {
    return dynamicTest(
        type + " " + row.op().getSimpleName() + ": " + sample.name(), () -> check(sample, type));
  }

  private static void check(OpRow.Sample sample, DType type) {
    OpCatalogueTest.Result plain = OpCatalogueTest.run(OpCatalogueTest.REFERENCE, sample, false);
    OpCatalogueTest.Result actual;
    Device device = Device.cuda(0, type);
    try {
      actual = OpCatalogueTest.run(device, sample, false);
    } finally {
      device.close();
    }
    // two units of the type
    double unit = type == DType.F16 ? 0x1p-10 : 0x1p-7;
    compare("output", 2 * unit, plain.outputs(), actual.outputs());
    compare("gradient", 2 * unit, plain.gradients(), actual.gradients());
  }

  private static void compare(
      String what, double tolerance, List<float[]> expected, List<float[]> actual) {
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      float[] e = expected.get(i);
      float[] a = actual.get(i);
      assertEquals(e.length, a.length);
      double largest = 1e-3;
      for (float value : e) {
        largest = Math.max(largest, Math.abs(value));
      }
      for (int j = 0; j < e.length; j++) {
        double difference = Math.abs((double) e[j] - a[j]);
        assertTrue(
            Float.compare(e[j], a[j]) == 0 || difference <= tolerance * largest,
            what + " " + i + " at " + j + ": expected " + e[j] + ", got " + a[j]);
      }
    }
  }
}
