package dev.viridian.engine.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WeightFilesTest {
  @TempDir Path dir;

  private Path write(String name, byte[] bytes) throws IOException {
    return Files.write(dir.resolve(name), bytes);
  }

  @Test
  void tellsKindsByContentNotByName() throws IOException {
    byte[] safetensors =
        SafetensorsTest.file("{\"w\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4);
    PickleWriter pickle = new PickleWriter().ops("}").text("w");
    pickle.tensor("FloatStorage", "k", 1, 0, new int[] {1}, new int[] {1}, false).ops("s");
    byte[] bytes = pickle.stop();
    try (WeightSource source = WeightFiles.open(write("a.pth", safetensors))) {
      assertInstanceOf(Safetensors.class, source);
    }
    byte[] zip = PickleWriter.zip(bytes, Map.of("k", new byte[4]));
    try (WeightSource source = WeightFiles.open(write("b.safetensors", zip))) {
      assertInstanceOf(TorchCheckpoint.class, source);
    }
    byte[] legacy = PickleWriter.legacy(bytes, "k", 1f);
    try (WeightSource source = WeightFiles.open(write("c", legacy))) {
      assertInstanceOf(TorchCheckpoint.class, source);
    }
    String index = " \n{\"weight_map\":{\"w\":\"a.pth\"}}";
    byte[] json = index.strip().getBytes(StandardCharsets.UTF_8);
    try (WeightSource source = WeightFiles.open(write("d.json", json))) {
      assertInstanceOf(ShardedWeights.class, source);
      assertEquals(4, source.data("w").byteSize());
    }
  }

  @Test
  void saysWhatElseAFileLooksLike() throws IOException {
    Map<String, String> says =
        Map.of(
            "<!DOCTYPE html><html>",
            "web page",
            "version https://git-lfs.github.com/spec/v1\noid sha256:1",
            "git lfs pull",
            "GGUF\u0003\0\0\0",
            "GGUF",
            "hello, weights",
            "text that begins with 'hello, weights'",
            "\1\2\3\4\5\6\7\b\t",
            "nothing known");
    for (Map.Entry<String, String> entry : says.entrySet()) {
      Path path = write("x.bin", entry.getKey().getBytes(StandardCharsets.UTF_8));
      String message =
          assertThrows(InputException.class, () -> WeightFiles.open(path)).getMessage();
      assertTrue(message.contains(entry.getValue()), message);
      assertTrue(message.chars().noneMatch(Character::isISOControl), message);
    }
  }

  @Test
  void saysThatATruncatedSafetensorsFileIsOne() throws IOException {
    byte[] eight = {80, 0, 0, 0, 0, 0, 0, 0};
    Path path = write("cut.safetensors", eight);
    String message = assertThrows(InputException.class, () -> WeightFiles.open(path)).getMessage();
    assertTrue(message.contains("claims a header of 80 bytes"), message);
    assertThrows(InputException.class, () -> TorchCheckpoint.open(path));
  }
}
