package dev.viridian.engine.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.viridian.engine.Device;
import dev.viridian.engine.Shape;
import dev.viridian.kernels.cuda.EmulatedDevice;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.opentest4j.TestAbortedException;

/**
 * Every row of the catalogue on a CUDA device, the emulated one, against the plain loops; large
 * samples are left to a real device.
 */
class CudaCatalogueTest {
  /** The emulated device takes some 20 ns for a thread and an instruction of a warp. */
  private static final long LARGEST = 20_000;

  private static EmulatedDevice emulated;
  private static Device device;
  private static int ran;
  private static int tooLarge;

  @BeforeAll
  static void open() {
    emulated = EmulatedDevice.load();
    emulated.reset();
    device = Device.cuda(0);
  }

  @AfterAll
  static void close() {
    if (device != null) {
      device.close();
      assertEquals("", emulated.report());
      System.out.println(
          "ops on the emulated CUDA device: "
              + ran
              + " samples ran, "
              + tooLarge
              + " are too large for it");
      assertTrue(ran > 0);
    }
  }

  @TestFactory
  Stream<DynamicTest> agreesWithThePlainLoops() {
    return OpCatalogueTest.rows().stream()
        .flatMap(
            row ->
                row.samples().stream()
                    .map(
                        s ->
                            dynamicTest(
                                row.op().getSimpleName() + ": " + s.name(), () -> check(row, s))));
  }

  private static void check(OpRow row, OpRow.Sample sample) {
    long size = 0;
    for (OpRow.In in : sample.inputs()) {
      size = Math.max(size, Shape.of(in.shape()).elements());
    }
    if (size > LARGEST) {
      tooLarge++;
      throw new TestAbortedException("too large for the emulated device");
    }
    OpCatalogueTest.Result first;
    try {
      first = OpCatalogueTest.run(device, sample, false);
    } catch (UnsupportedOperationException e) {
      // weights packed for products of low precision are the CPU's, so far
      Assumptions.assumeTrue(row.op().getSimpleName().startsWith("Packed"), e.getMessage());
      throw new TestAbortedException(e.getMessage());
    }
    ran++;
    OpCatalogueTest.Result plain = OpCatalogueTest.run(OpCatalogueTest.REFERENCE, sample, false);
    OpCatalogueTest.compare("cuda", row.tolerance(), plain, first);
    OpCatalogueTest.Result strided = OpCatalogueTest.run(device, sample, true);
    OpCatalogueTest.compare("cuda, strided", row.tolerance(), plain, strided);
    emulated.order(EmulatedDevice.Order.REVERSED, 0);
    OpCatalogueTest.Result reversed = OpCatalogueTest.run(device, sample, false);
    emulated.order(EmulatedDevice.Order.FORWARD, 0);
    for (int i = 0; i < first.outputs().size(); i++) {
      assertArrayEquals(first.outputs().get(i), reversed.outputs().get(i), "order of threads");
    }
    for (int i = 0; i < first.gradients().size(); i++) {
      assertArrayEquals(first.gradients().get(i), reversed.gradients().get(i), "order of threads");
    }
  }
}
