package dev.viridian.engine.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.viridian.engine.InputException;
import dev.viridian.engine.testing.Golden;
import dev.viridian.engine.testing.GoldenArea;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

@GoldenArea("pickle")
class TorchCheckpointGoldenTest {
  private static final String AREA = "pickle";
  private static final Duration LIMIT = Duration.ofSeconds(5);

  static Stream<Arguments> cases() {
    List<Arguments> out = new ArrayList<>();
    for (JsonNode c : Golden.json(AREA, "cases.json").get("cases")) {
      String expected = c.has("expected") ? c.get("expected").asString() : "";
      out.add(
          Arguments.of(
              c.get("file").asString(),
              c.get("outcome").asString(),
              expected,
              c.get("note").asString()));
    }
    return out.stream();
  }

  @ParameterizedTest(name = "{0}: {3}")
  @MethodSource("cases")
  void readsOrRefuses(String file, String outcome, String expected, String note) {
    Path path = Golden.file(AREA, file);
    boolean read = Assertions.assertTimeout(LIMIT, () -> readsAsExpected(path, expected, outcome));
    switch (outcome) {
      case "tensors" -> assertTrue(read, note);
      case "refusal" -> assertFalse(read, note);
      case "tensors or refusal" -> {}
      default -> fail("unknown outcome " + outcome);
    }
    assertFalse(Files.exists(Path.of("VIRIDIAN_PWNED")), "something was run");
  }

  private static boolean readsAsExpected(Path path, String expected, String outcome) {
    try (WeightSource source = WeightFiles.open(path)) {
      if (!expected.isEmpty()) {
        try (Safetensors truth = Safetensors.open(Golden.file(AREA, expected))) {
          assertSameTensors(truth, source);
        }
      }
      return true;
    } catch (InputException e) {
      String message = e.getMessage();
      assertFalse(outcome.equals("tensors"), message);
      assertTrue(message.startsWith(path + ": "), message);
      assertFalse(message.chars().anyMatch(Character::isISOControl), message);
      return false;
    }
  }

  static void assertSameTensors(WeightSource truth, WeightSource source) {
    assertEquals(truth.tensors().keySet(), source.tensors().keySet());
    for (TensorInfo info : truth.tensors().values()) {
      assertEquals(info, source.info(info.name()));
      MemorySegment data = source.data(info.name());
      assertEquals(-1, truth.data(info.name()).mismatch(data), info.name());
      assertEquals(info.bytes(), data.byteSize());
      assertEquals(0, data.address() % info.type().bytes());
      MemorySegment read = MemorySegment.ofArray(new byte[(int) info.bytes()]);
      source.read(info.name(), 0, read);
      assertEquals(-1, data.mismatch(read), info.name());
      source.read(info.name(), info.bytes() / 2, read.asSlice(info.bytes() / 2));
      assertEquals(-1, data.mismatch(read), info.name());
    }
  }

  @Test
  void aSmallHeapSufficesForAllOfThem() throws Exception {
    Path dir = Golden.area(AREA);
    Map<String, String> outcomes = new HashMap<>();
    for (JsonNode c : Golden.json(AREA, "cases.json").get("cases")) {
      outcomes.put(dir.resolve(c.get("file").asString()).toString(), c.get("outcome").asString());
    }
    Map<String, String> results = SmallHeap.open(List.copyOf(outcomes.keySet()));
    outcomes.forEach(
        (file, outcome) -> {
          String result = results.getOrDefault(file, "nothing");
          List<String> allowed =
              switch (outcome) {
                case "tensors" -> List.of("read");
                case "refusal" -> List.of("refused");
                default -> List.of("read", "refused");
              };
          assertTrue(allowed.contains(result), file + ": " + result + ", expected " + allowed);
        });
  }

  @Test
  void refusalsSayWhy() {
    Map<String, String> says =
        Map.of(
            "os_system", "'os.system'",
            "unknown_class", "'some.package.Model'",
            "html", "web page",
            "no_data_pkl", "without data.pkl",
            "truncated_3056", "cut short",
            "expand_bomb", "unfold",
            "top_is_text", "no weight file",
            "inst", "INST of 'os.system'",
            "bad_utf8", "not UTF-8",
            "missing_storage", "'7'");
    says.forEach(
        (file, text) -> {
          Path path = Golden.file(AREA, "hostile").resolve(file + ".pth");
          String message =
              Assertions.assertThrows(InputException.class, () -> WeightFiles.open(path))
                  .getMessage();
          assertTrue(message.contains(text), message);
        });
  }

  @Test
  void keepsPlainValuesOfACheckpointAsMetadata() {
    for (String file : new String[] {"checkpoint_zip.pth.tar", "checkpoint_legacy.pth.tar"}) {
      try (WeightSource source = WeightFiles.open(Golden.file(AREA, file))) {
        assertEquals("3", source.metadata().get("epoch"));
        assertEquals("indexnet", source.metadata().get("arch"));
        assertEquals("0.125", source.metadata().get("best"));
        assertEquals("false", source.metadata().get("done"));
      }
    }
  }

  @Test
  @GoldenArea("sd-tiny")
  void aCheckpointOfAWholeModelHoldsWhatItsSafetensorsHolds() {
    try (WeightSource truth = WeightFiles.open(Golden.file("sd-tiny", "single-file.safetensors"));
        WeightSource source = WeightFiles.open(Golden.file("sd-tiny", "single-file.ckpt"))) {
      assertTrue(source instanceof TorchCheckpoint);
      assertSameTensors(truth, source);
      assertEquals("470000", source.metadata().get("global_step"));
    }
  }

  @Test
  @GoldenArea("textual-inversion")
  void namesTheVectorOfEveryEmbeddingFile() {
    int seen = 0;
    try (Safetensors truth =
        Safetensors.open(Golden.file("textual-inversion", "expected/vectors.safetensors"))) {
      for (JsonNode c : Golden.json("textual-inversion", "cases.json").get("files")) {
        Path path = Golden.file("textual-inversion", c.get("file").asString());
        try (WeightSource source = WeightFiles.open(path)) {
          String key =
              source.has("string_to_param.*")
                  ? "string_to_param.*"
                  : source.has("emb_params") ? "emb_params" : c.get("placeholder").asString();
          if (source.info(key).type() == FileType.F32) {
            MemorySegment vectors = truth.data(c.get("vectors_key").asString());
            assertEquals(-1, vectors.mismatch(source.data(key)), path.toString());
            seen++;
          }
        }
      }
    }
    assertTrue(seen >= 7, "float32 files seen: " + seen);
  }
}
