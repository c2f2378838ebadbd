package dev.viridian.engine.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What the core of the goldens has to have. */
class GoldenCoreTest {
  private static final long MOST_BYTES = 10_000_000;
  private static Path core;

  @BeforeAll
  static void find() {
    core = GoldenCore.folder();
  }

  private static JsonNode json(String file) throws IOException {
    return JsonMapper.shared().readTree(Files.readString(core.resolve(file)));
  }

  @Test
  void isSmall() throws IOException {
    long bytes = 0;
    try (Stream<Path> files = Files.walk(core)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        bytes += Files.size(file);
      }
    }
    assertTrue(bytes <= MOST_BYTES, bytes + " bytes");
  }

  /** All tensors of at least one case. */
  @Test
  void hasACaseOfEveryOp() throws IOException {
    Set<String> lacking = new TreeSet<>();
    Set<String> found = new TreeSet<>();
    for (JsonNode c : json("ops/cases.json").get("cases")) {
      String op = c.get("op").asString();
      lacking.add(op);
      try (GoldenFile file =
          GoldenFile.open(core.resolve("ops").resolve(c.get("file").asString()))) {
        if (Stream.of("inputs", "outputs", "gradients", "grad_outputs")
            .flatMap(part -> c.path(part).valueStream())
            .allMatch(key -> file.has(key.asString()))) {
          found.add(op);
        }
      }
    }
    lacking.removeAll(found);
    assertEquals(Set.of(), lacking);
  }

  @Test
  void hasEveryAreaThatACloneNeeds() throws IOException {
    for (String area :
        List.of(
            "ops",
            "random",
            "pickle",
            "tokenizer",
            "scheduler",
            "training",
            "sd-tiny/components",
            "pipeline",
            "kmeans")) {
      assertTrue(json(area + "/cases.json").get("cases").size() > 0, area);
    }
    int pictures = 0;
    for (JsonNode c : json("pipeline/cases.json").get("cases")) {
      boolean here = Files.exists(core.resolve("pipeline").resolve(c.get("file").asString()));
      for (JsonNode picture : c.get("rgba")) {
        assertEquals(here, Files.exists(core.resolve("pipeline").resolve(picture.asString())));
      }
      pictures += here ? 1 : 0;
    }
    assertTrue(pictures >= 4, pictures + " cases with pictures");
  }
}
