package dev.viridian.bench.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.bench.peer.InProcessPeer;
import dev.viridian.bench.peer.OpEngine;
import dev.viridian.bench.shapes.OpCase;
import dev.viridian.bench.work.OpCheck;
import dev.viridian.kernels.cpu.CpuKernels;
import dev.viridian.kernels.cpu.CpuOptions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every engine computes what we compute, on every shape that is timed. */
final class EnginesTest {
  /** More would take minutes and are the same operations. */
  private static final double MOST_FLOPS = 8e9;

  private static CpuKernels kernels;

  @BeforeAll
  static void open() {
    kernels = new CpuKernels(CpuOptions.defaults());
  }

  @AfterAll
  static void close() {
    kernels.close();
  }

  @Test
  void bothAreFound() {
    assertEquals(
        List.of("djl", "onnxruntime"),
        OpEngine.all().stream().map(OpEngine::name).sorted().toList());
  }

  @TestFactory
  Stream<DynamicTest> theyDoTheSame() {
    return OpEngine.all().stream()
        .flatMap(
            engine ->
                OpCase.all().stream()
                    .filter(op -> op.flops() < MOST_FLOPS)
                    .flatMap(op -> tests(engine, op)));
  }

  private static Stream<DynamicTest> tests(OpEngine engine, OpCase op) {
    boolean both = engine.choosesLayout() && op.inputs().getFirst().length == 4;
    return Stream.of(false, true)
        .filter(last -> both || !last)
        .map(
            last ->
                DynamicTest.dynamicTest(
                    engine.name() + " " + op.label() + (last ? " channels last" : ""),
                    () -> {
                      try (InProcessPeer peer = OpCheck.checked(engine, op, kernels, last, 2, 2)) {
                        assertTrue(peer.run().seconds() > 0);
                      }
                    }));
  }
}
