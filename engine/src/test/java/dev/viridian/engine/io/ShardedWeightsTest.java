package dev.viridian.engine.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.InputException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ShardedWeightsTest {
  @TempDir Path dir;

  @BeforeEach
  void shards() throws IOException {
    for (String name : new String[] {"a", "b"}) {
      Files.write(
          dir.resolve(name + ".safetensors"),
          SafetensorsTest.file(
              "{\"%s\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}".formatted(name),
              2));
    }
    Files.copy(dir.resolve("a.safetensors"), dir.resolve("a.safetensors.bak"));
  }

  private Path index(String json) throws IOException {
    return Files.writeString(dir.resolve("model.safetensors.index.json"), json);
  }

  @Test
  void joinsTheFilesOfAnIndex() throws IOException {
    Path path =
        index(
            "{\"metadata\":{\"total_size\":4,\"more\":[1]},"
                + "\"weight_map\":{\"b\":\"b.safetensors\",\"a\":\"a.safetensors\"}}");
    try (ShardedWeights all = ShardedWeights.open(path)) {
      assertEquals(List.of("b", "a"), List.copyOf(all.tensors().keySet()));
      assertEquals("4", all.metadata().get("total_size"));
      assertEquals(1, all.data("a").get(ValueLayout.JAVA_BYTE, 1));
      byte[] one = new byte[1];
      all.read("b", 1, MemorySegment.ofArray(one));
      assertEquals(1, one[0]);
      assertThrows(InputException.class, () -> all.data("c"));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../a.safetensors",
        "sub/../a.safetensors",
        "/etc/passwd",
        "..",
        ".",
        "",
        " ",
        "..\\\\a.safetensors",
        "c:a.safetensors",
        "a.safetensors\\u0000"
      })
  void refusesFilesOutsideTheFolder(String name) throws IOException {
    Path path = index("{\"weight_map\":{\"a\":\"" + name + "\"}}");
    String message =
        assertThrows(InputException.class, () -> ShardedWeights.open(path)).getMessage();
    assertTrue(message.contains("expected the name of a file beside it"), message);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{\"weight_map\":[]}",
        "{\"weight_map\":{\"a\":1}}",
        "{\"weight_map\":{\"a\":\"absent.safetensors\"}}",
        "{\"weight_map\":{\"a\":\"b.safetensors\"}}",
        "{\"weight_map\":{\"a\":\"a.safetensors\",\"a\":\"a.safetensors\"}}",
        "{\"weight_map\":{\"a\":\"model.safetensors.index.json\"}}",
        "{\"metadata\":1,\"weight_map\":{}}",
        "{\"weight_map\":{\"a\":\"a.safetensors\"}"
      })
  void refusesAnIndexThatIsNotSound(String json) throws IOException {
    Path path = index(json);
    assertThrows(InputException.class, () -> ShardedWeights.open(path));
  }
}
