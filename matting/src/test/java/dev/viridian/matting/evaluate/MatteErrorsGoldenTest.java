package dev.viridian.matting.evaluate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.viridian.engine.io.FileType;
import dev.viridian.engine.testing.Golden;
import dev.viridian.engine.testing.GoldenArea;
import dev.viridian.engine.testing.GoldenFile;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;

/** Errors over the whole picture, as the reference counts them. */
@GoldenArea("metrics")
class MatteErrorsGoldenTest {
  @TestFactory
  Stream<DynamicTest> cases() {
    return Golden.json("metrics", "cases.json")
        .get("cases")
        .valueStream()
        .map(json -> dynamicTest(json.get("name").asString(), () -> check(json)));
  }

  private static void check(JsonNode json) {
    try (GoldenFile file = GoldenFile.open("metrics", json.get("file").asString())) {
      long[] shape = file.shape("truth");
      MatteErrors found =
          MatteErrors.of(
              alpha(file, "prediction"), alpha(file, "truth"), (int) shape[1], (int) shape[0]);
      JsonNode expected = json.get("expected").get("whole");
      near(json, expected.get("sad"), found.sad());
      near(json, expected.get("mse"), found.mse());
      near(json, expected.get("grad"), found.grad());
    }
  }

  private static double[] alpha(GoldenFile file, String key) {
    return file.type(key) == FileType.U8
        ? Arrays.stream(file.ints(key)).mapToDouble(v -> v / 255.0).toArray()
        : file.doubles(key);
  }

  private static void near(JsonNode json, JsonNode expected, double found) {
    double limit =
        json.get("atol").asDouble() + json.get("rtol").asDouble() * Math.abs(expected.asDouble());
    assertEquals(expected.asDouble(), found, limit);
  }
}
