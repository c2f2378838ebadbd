package dev.viridian.matting.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.Safetensors;
import dev.viridian.engine.io.SafetensorsWriter;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.testing.Golden;
import dev.viridian.engine.testing.GoldenArea;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class ConvertCommandTest {
  @TempDir private Path folder;

  private Path file() {
    Path file = folder.resolve("in.safetensors");
    new SafetensorsWriter()
        .add(
            new TensorInfo("a.weight", FileType.F32, List.of(2L)),
            MemorySegment.ofArray(new float[] {1, 1e6f}))
        .write(file);
    return file;
  }

  @Test
  void aLoneFileGetsAnotherType() {
    Path out = folder.resolve("out.safetensors");
    Run run = Run.of("convert", file().toString(), "--output", out.toString(), "--dtype", "bf16");
    assertEquals(0, run.code(), run.err());
    assertEquals(out + ": not recognised, 1 tensors, 0.0 MB\n", run.out());
    try (Safetensors found = Safetensors.open(out)) {
      assertEquals(FileType.BF16, found.info("a.weight").type());
    }
  }

  @Test
  void wrongInputIsOneLineAndWritesNothing() throws IOException {
    String in = file().toString();
    Path out = folder.resolve("out.safetensors");
    List<List<String>> wrong =
        List.of(
            List.of("convert", in, "--output", out.toString(), "--dtype", "f16"),
            List.of("convert", in, "--output", out.toString(), "--dtype", "f8"),
            List.of("convert", in, "--output", out.toString(), "--layout", "folder"),
            List.of("convert", in, "--output", folder.resolve("out.ckpt").toString()),
            List.of("convert", folder.resolve("no").toString(), "--output", out.toString()),
            List.of("convert", in, "--output", in),
            List.of("convert", in));
    for (List<String> args : wrong) {
      Run run = Run.of(args.toArray(String[]::new));
      assertEquals(2, run.code(), args.toString());
      assertEquals(1, run.err().lines().count(), run.err());
      assertFalse(Files.exists(out));
    }
    Files.writeString(out, "mine");
    Run run = Run.of("convert", in, "--output", out.toString());
    assertEquals(2, run.code());
    assertTrue(run.err().contains("--overwrite"), run.err());
    assertEquals("mine", Files.readString(out));
    assertEquals(0, Run.of("convert", in, "--output", out.toString(), "--overwrite").code());
  }

  @Test
  @GoldenArea("sd-tiny")
  void aModelBecomesASingleFile() {
    Path model = Golden.file("sd-tiny", "model");
    Path out = folder.resolve("single.safetensors");
    Run run = Run.of("convert", "--json", model.toString(), "--output", out.toString());
    assertEquals(0, run.code(), run.err());
    JsonNode json = JsonMapper.shared().readTree(run.out());
    assertEquals("single-file model", json.get("what").asString());
    assertTrue(json.get("notes").get(0).asString().contains("single-config"));
    try (ModelFiles found = ModelFiles.open(out);
        ModelFiles expected = ModelFiles.open(model)) {
      assertEquals(expected.configs(), found.configs());
    }
  }
}
