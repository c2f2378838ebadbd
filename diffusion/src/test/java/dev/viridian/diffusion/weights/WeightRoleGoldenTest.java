package dev.viridian.diffusion.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.viridian.diffusion.weights.WeightRole.Kind;
import dev.viridian.engine.io.WeightFiles;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.engine.testing.Golden;
import dev.viridian.engine.testing.GoldenArea;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;

/** Every adapter file of the goldens is recognised as what it is. */
@GoldenArea("lora")
class WeightRoleGoldenTest {
  private static WeightRole role(Path file) {
    try (WeightSource source = WeightFiles.open(file)) {
      return WeightRole.of(source);
    }
  }

  @TestFactory
  Stream<DynamicTest> loras() {
    Set<String> files = new LinkedHashSet<>();
    for (JsonNode one : Golden.json("lora", "cases.json").get("cases")) {
      one.get("apply").forEach(applied -> files.add(applied.get("file").asString()));
    }
    return files.stream()
        .filter(file -> file.contains("."))
        .map(
            file ->
                DynamicTest.dynamicTest(
                    file, () -> assertEquals(Kind.LORA, role(Golden.file("lora", file)).kind())));
  }

  @TestFactory
  @GoldenArea("textual-inversion")
  Stream<DynamicTest> embeddings() {
    return Golden.json("textual-inversion", "cases.json")
        .get("files")
        .valueStream()
        .filter(entry -> !entry.has("must_fail"))
        .map(
            entry ->
                DynamicTest.dynamicTest(
                    entry.get("file").asString(),
                    () -> {
                      String file = entry.get("file").asString();
                      WeightRole role = role(Golden.file("textual-inversion", file));
                      assertEquals(Kind.EMBEDDING, role.kind());
                      assertEquals(entry.get("vectors").asString(), role.details().get("vectors"));
                    }));
  }
}
