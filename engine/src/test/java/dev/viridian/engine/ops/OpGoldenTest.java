package dev.viridian.engine.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.autograd.Gradients;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.testing.Golden;
import dev.viridian.engine.testing.GoldenArea;
import dev.viridian.engine.testing.GoldenDevices;
import dev.viridian.engine.testing.GoldenFile;
import dev.viridian.engine.testing.GoldenOps;
import dev.viridian.kernels.DType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;

/**
 * Every case of the golden area {@code ops}, forward and backward, on every kind of kernels and on
 * the emulated CUDA device.
 */
@GoldenArea("ops")
class OpGoldenTest {
  /** Families whose cases are not tensor ops: tested with the optimisers. */
  private static final String OPTIMISERS = "optim.safetensors";

  private static Map<String, GoldenOps.Binding> bindings() {
    Map<String, GoldenOps.Binding> all = new HashMap<>();
    MatrixGoldens.bind(all);
    ResampleGoldens.bind(all);
    ShapeGoldens.bind(all);
    ElementwiseGoldens.bind(all);
    NormGoldens.bind(all);
    ReduceGoldens.bind(all);
    LossGoldens.bind(all);
    return all;
  }

  @TestFactory
  Stream<DynamicTest> cases() {
    Map<String, GoldenOps.Binding> bindings = bindings();
    Map<String, Device> devices = GoldenDevices.all();
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode json : Golden.json("ops", "cases.json").get("cases")) {
      if (json.get("file").asString().equals(OPTIMISERS)) {
        continue;
      }
      String name = json.get("name").asString();
      if (!GoldenDevices.forced()) {
        tests.add(
            dynamicTest(
                name + " [cuda, emulated]", () -> run(GoldenDevices.emulated(), json, bindings)));
      }
      for (String kind : devices.keySet()) {
        tests.add(
            dynamicTest(name + " [" + kind + "]", () -> run(devices.get(kind), json, bindings)));
      }
    }
    return tests.stream();
  }

  @SuppressWarnings("try") // the scope closes what the case makes
  private static void run(Device device, JsonNode json, Map<String, GoldenOps.Binding> bindings) {
    GoldenOps.Binding binding = bindings.get(json.get("op").asString());
    assertNotNull(binding, () -> "no binding for golden op " + json.get("op"));
    long before = device.allocator().usage().used();
    try (MemoryScope scope = MemoryScope.open();
        GoldenFile file = GoldenFile.open("ops", json.get("file").asString());
        Tape tape = Tape.open()) {
      GoldenOps.Case c = GoldenOps.load(device, json, file);
      GoldenOps.applyViews(c);
      Map<String, Tensor> outputs = binding.apply(c);
      for (Map.Entry<String, JsonNode> e : json.get("outputs").properties()) {
        Tensor out = outputs.get(e.getKey());
        assertNotNull(out, () -> "no output " + e.getKey());
        compare(out, file, e.getValue().asString(), json.get("tolerance").get(e.getKey()));
      }
      if (json.has("grad_outputs") && !json.get("grad_outputs").isEmpty()) {
        List<Tensor> reached = new ArrayList<>();
        List<Tensor> arriving = new ArrayList<>();
        for (Map.Entry<String, JsonNode> e : json.get("grad_outputs").properties()) {
          String key = e.getValue().asString();
          Tensor output = outputs.get(e.getKey());
          reached.add(output);
          arriving.add(Tensors.of(device, file.floats(key), output.shape().sizes()));
        }
        try (Gradients gradients = tape.gradients(reached, arriving)) {
          for (Map.Entry<String, JsonNode> e : json.get("gradients").properties()) {
            Tensor gradient = gradients.get(c.stored().get(e.getKey()));
            assertNotNull(gradient, () -> "no gradient of " + e.getKey());
            compare(
                gradient,
                file,
                e.getValue().asString(),
                json.get("tolerance").get("d" + e.getKey()));
          }
        }
      }
    }
    assertEquals(before, device.allocator().usage().used(), "bytes still in use");
    GoldenDevices.requireSound(device);
  }

  private static void compare(Tensor got, GoldenFile file, String key, JsonNode tolerance) {
    long[] single = {1}; // a single number is stored as a list of one
    long[] sizes = got.shape().rank() == 0 ? single : got.shape().sizes();
    assertArrayEquals(file.shape(key), sizes, key);
    if (got.dtype() == DType.I64) {
      assertArrayEquals(file.longs(key), got.toLongs(), key);
      return;
    }
    float[] expected = file.floats(key);
    float[] actual = got.toFloats();
    double atol = tolerance.has("atol") ? tolerance.get("atol").asDouble() : 0;
    double rtol = tolerance.has("rtol") ? tolerance.get("rtol").asDouble() : 0;
    for (int i = 0; i < expected.length; i++) {
      int at = i;
      double bound = rtol * Math.abs(expected[i]) + atol;
      assertTrue(
          Math.abs((double) actual[i] - expected[i]) <= bound
              || Float.floatToIntBits(actual[i]) == Float.floatToIntBits(expected[i]),
          () ->
              key
                  + "["
                  + at
                  + "]: expected "
                  + expected[at]
                  + ", got "
                  + actual[at]
                  + ", atol "
                  + bound);
    }
  }
}
