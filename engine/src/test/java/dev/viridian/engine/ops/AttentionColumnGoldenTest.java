package dev.viridian.engine.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;

/** Attention that also hands out the mean column of its probabilities, forward and backward. */
@GoldenArea("training")
class AttentionColumnGoldenTest {
  private static final String AREA = "training";

  @TestFactory
  Stream<DynamicTest> cases() {
    Map<String, Device> devices = GoldenDevices.all();
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode c : Golden.json(AREA, "cases.json").get("cases")) {
      if (c.has("columns")) {
        devices.forEach(
            (kind, device) ->
                tests.add(
                    dynamicTest(
                        c.get("name").asString() + " [" + kind + "]", () -> run(device, c))));
      }
    }
    assertFalse(tests.isEmpty(), "no case with columns");
    return tests.stream();
  }

  /** [b, heads, n, d] as [b, n, heads·d]. */
  private static Tensor tokens(Device device, GoldenFile file, String key) {
    long[] s = file.shape(key);
    Tensor t = Permute.of(Tensors.of(device, file.floats(key), s), 0, 2, 1, 3);
    return Contiguous.copyOf(Reshape.of(Contiguous.of(t), s[0], s[2], s[1] * s[3]));
  }

  /** [b, n, heads·d] as [b, heads, n, d]. */
  private static float[] heads(Tensor t, int heads) {
    Tensor parts = Reshape.of(t, t.size(0), t.size(1), heads, t.size(2) / heads);
    return Permute.of(parts, 0, 2, 1, 3).toFloats();
  }

  /** 1/|J| at the positions J of each row, 0 elsewhere. */
  private static Tensor columnWeights(Device device, JsonNode columns, int keys) {
    float[] weights = new float[columns.size() * keys];
    for (int b = 0; b < columns.size(); b++) {
      for (JsonNode j : columns.get(b)) {
        weights[b * keys + j.asInt()] = 1f / columns.get(b).size();
      }
    }
    return Tensors.of(device, weights, columns.size(), keys);
  }

  @SuppressWarnings("try") // the scope closes what the case makes
  private static void run(Device device, JsonNode c) {
    long before = device.allocator().usage().used();
    try (MemoryScope scope = MemoryScope.open();
        GoldenFile file = GoldenFile.open(AREA, c.get("file").asString())) {
      int heads = file.dims("q")[1];
      Tensor q = tokens(device, file, "q").requireGradient(true);
      Tensor k = tokens(device, file, "k").requireGradient(true);
      Tensor v = tokens(device, file, "v").requireGradient(true);
      Tensor weights = columnWeights(device, c.get("columns"), k.size(1));
      Tensor gradOut = tokens(device, file, "grad_out");
      Tensor gradGreen = Tensors.of(device, file.floats("grad_green"), file.shape("grad_green"));
      Map<String, float[]> got = new LinkedHashMap<>();
      try (Tape tape = Tape.open()) {
        List<Tensor> out = Attention.withColumn(q, k, v, heads, weights);
        try (Gradients gradients = tape.gradients(out, List.of(gradOut, gradGreen))) {
          got.put("out", heads(out.get(0), heads));
          got.put("green_map", out.get(1).toFloats());
          got.put("dq", heads(gradients.get(q), heads));
          got.put("dk", heads(gradients.get(k), heads));
          got.put("dv", heads(gradients.get(v), heads));
        }
      }
      for (Map.Entry<String, JsonNode> e : c.get("tensors").properties()) {
        String key = e.getKey();
        double atol = e.getValue().get("atol").asDouble();
        Golden.assertWithin(key, file.floats(key), got.get(key), atol);
      }
    }
    assertEquals(before, device.allocator().usage().used(), "bytes still in use");
  }
}
