package dev.viridian.matting.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.testing.Golden;
import dev.viridian.engine.testing.GoldenArea;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class InspectCommandTest {
  private static final String HEAD =
      """
      {"conv1.weight":{"dtype":"F16","shape":[2,4,3,3],"data_offsets":[0,144]},
       "conv1.bias":{"dtype":"F16","shape":[2],"data_offsets":[144,148]},
       "conv2.weight":{"dtype":"F16","shape":[1,2,3,3],"data_offsets":[148,184]},
       "conv2.bias":{"dtype":"F32","shape":[1],"data_offsets":[184,188]},
       "__metadata__":{"format":"pt"}}
      """;

  @TempDir private Path folder;

  /** A matting head's file without its last {@code missing} bytes. */
  private Path head(String name, int missing) throws IOException {
    byte[] header = HEAD.getBytes(StandardCharsets.UTF_8);
    ByteBuffer file =
        ByteBuffer.allocate(8 + header.length + 188 - missing).order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(header.length).put(header);
    return Files.write(folder.resolve(name), file.array());
  }

  @Test
  void saysWhatAFileIs() throws IOException {
    Run run = Run.of("inspect", head("a.safetensors", 0).toString(), "--keys");
    assertEquals(0, run.code(), run.err());
    assertTrue(
        run.out().contains("matting head, feature channels 4, hidden channels 2"), run.out());
    assertTrue(run.out().contains("4 tensors (1 F32, 3 F16), 93 numbers"), run.out());
    assertTrue(run.out().contains("conv2.weight F16 [1, 2, 3, 3]"), run.out());
    assertEquals("", run.err());
  }

  @Test
  void jsonHasTheSameAndTheHash() throws IOException {
    Path file = head("a.safetensors", 0);
    Run run = Run.of("--json", "inspect", file.toString(), "--hash");
    JsonNode json = JsonMapper.shared().readTree(run.out());
    JsonNode first = json.get("files").get(0);
    assertEquals("matting_head", first.get("role").asString());
    assertEquals(93, first.get("parameters").asInt());
    assertEquals(3, first.get("types").get("F16").asInt());
    assertEquals("pt", first.get("metadata").get("format").asString());
    assertEquals(64, first.get("sha256").asString().length());
    assertFalse(first.has("keys"));
    assertEquals(run.out(), Run.of("inspect", "--json", file.toString(), "--hash").out());
  }

  @Test
  void aFolderIsListedThoughOneFileIsBroken() throws IOException {
    head("good.safetensors", 0);
    head("cut.safetensors", 1);
    Run run = Run.of("inspect", folder.toString());
    assertEquals(2, run.code());
    assertTrue(run.out().contains("matting head"), run.out());
    assertTrue(run.out().contains("not readable: "), run.out());
  }

  @Test
  void wrongInputIsOneLine() throws IOException {
    Path empty = Files.createDirectory(folder.resolve("empty"));
    for (Path path : List.of(folder.resolve("nothing"), empty, head("x.safetensors", 1))) {
      Run run = Run.of("inspect", path.toString());
      assertEquals(2, run.code());
      assertEquals(1, run.err().lines().count(), run.err());
      assertTrue(run.err().contains(path.toString()), run.err());
      assertEquals("", run.out());
    }
    assertEquals(2, Run.of("inspect").code());
    assertEquals(
        "viridian: unknown option '--key'; did you mean '--keys'?\n",
        Run.of("inspect", folder.toString(), "--key").err());
  }

  @Test
  @GoldenArea("sd-tiny")
  void aWholeModelFolder() throws IOException {
    Path model = Golden.file("sd-tiny", "model");
    Run run = Run.of("inspect", "--json", model.toString());
    assertEquals(0, run.code(), run.err());
    for (JsonNode file : JsonMapper.shared().readTree(run.out()).get("files")) {
      String part = Path.of(file.get("file").asString()).getName(0).toString();
      assertEquals(part, file.get("role").asString());
    }
  }
}
