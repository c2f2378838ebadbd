package dev.viridian.engine.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.viridian.engine.Device;
import dev.viridian.engine.testing.GoldenDevices;
import dev.viridian.kernels.cuda.EmulatedDevice;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.opentest4j.TestAbortedException;

/**
 * Every row of the catalogue on a CUDA device against the plain loops: the emulated one, or with
 * {@code -Dviridian.test.kernels=cuda} the first of the machine.
 */
class CudaCatalogueTest {
  private static final boolean REAL = GoldenDevices.ownCuda();

  private static @Nullable EmulatedDevice emulated;
  private static Device device;
  private static int ran;

  @BeforeAll
  static void open() {
    if (!REAL) {
      emulated = EmulatedDevice.load();
      emulated.reset();
    }
    device = Device.cuda(0);
  }

  @AfterAll
  static void close() {
    if (device != null) {
      device.close();
      assertEquals("", emulated == null ? "" : emulated.report());
      System.out.println(
          "ops on "
              + (REAL ? "a CUDA device: " : "the emulated CUDA device: ")
              + ran
              + " samples ran");
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
    order(EmulatedDevice.Order.REVERSED);
    OpCatalogueTest.Result reversed = OpCatalogueTest.run(device, sample, false);
    order(EmulatedDevice.Order.FORWARD);
    for (int i = 0; i < first.outputs().size(); i++) {
      assertArrayEquals(first.outputs().get(i), reversed.outputs().get(i), "order of threads");
    }
    for (int i = 0; i < first.gradients().size(); i++) {
      assertArrayEquals(first.gradients().get(i), reversed.gradients().get(i), "order of threads");
    }
  }

  /** A real device chooses its own. */
  private static void order(EmulatedDevice.Order order) {
    if (emulated != null) {
      emulated.order(order, 0);
    }
  }
}
