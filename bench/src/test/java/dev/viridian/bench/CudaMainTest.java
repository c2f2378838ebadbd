package dev.viridian.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.diffusion.testing.GoldenModels;
import dev.viridian.diffusion.weights.FormulaModel;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cuda.EmulatedDevice;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Networks timed on the emulated CUDA device, and where there is none. */
final class CudaMainTest {
  @TempDir private Path dir;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private EmulatedDevice emulated;

  @BeforeEach
  void load() {
    emulated = EmulatedDevice.load();
    emulated.reset();
  }

  /** The other tests of this process have no CUDA device. */
  @AfterEach
  void unload() {
    emulated.devices(0);
  }

  private int run(List<String> args) {
    return Main.run(
        args.toArray(String[]::new),
        new PrintStream(out, true, StandardCharsets.UTF_8),
        new PrintStream(err, true, StandardCharsets.UTF_8));
  }

  private String lastError() {
    return err.toString(StandardCharsets.UTF_8).lines().reduce("", (a, b) -> b);
  }

  private List<String> tiny(String work, String device) {
    Path model = dir.resolve("model");
    new FormulaModel(GoldenModels.tinyConfigs(), DType.F32).write(model, null);
    List<String> args = new ArrayList<>(List.of(work, "--model", model.toString()));
    args.addAll(List.of("--width", "64", "--height", "64", "--warm-up", "2", "--repeat", "1"));
    args.addAll(List.of("--device", device, "--json"));
    return args;
  }

  private JsonNode result() {
    return JsonMapper.shared().readTree(out.toString(StandardCharsets.UTF_8)).get(0);
  }

  @ParameterizedTest
  @CsvSource({"step, f32, 2", "step, f16, 2", "vae, f32, 0", "text, bf16, 0"})
  void networksAreTimedOnTheDevice(String work, String dtype, int replays) {
    int before = emulated.graphLaunches();
    int blocks = emulated.blocks();
    List<String> args = tiny(work, "cuda");
    args.addAll(List.of("--dtype", dtype));
    assertEquals(0, run(args), lastError());
    assertEquals("cuda:0", result().get("device").asString());
    assertEquals(dtype, result().get("dtype").asString());
    assertTrue(result().get("seconds").get("min").asDouble() > 0);
    assertTrue(result().get("activation_bytes").asLong() > 0);
    assertEquals(before + replays, emulated.graphLaunches(), "all but the first run");
    assertEquals("", emulated.report());
    assertEquals(blocks, emulated.blocks(), "blocks of memory left behind");
  }

  @ParameterizedTest
  @ValueSource(strings = {"step", "vae", "text", "picture"})
  void withoutADeviceItIsOneLineAndCode2(String work) {
    emulated.devices(0);
    assertEquals(2, run(tiny(work, "cuda:0")));
    assertTrue(lastError().startsWith("viridian: --device cuda:0: CUDA: "), lastError());
    assertEquals("", out.toString(StandardCharsets.UTF_8));
  }

  @Test
  void autoFallsToTheCpu() {
    emulated.devices(0);
    assertEquals(0, run(tiny("text", "auto")), lastError());
    assertEquals("cpu", result().get("device").asString());
    assertTrue(err.toString(StandardCharsets.UTF_8).contains("computing on the CPU"));
  }

  /** A program in Python's place: what it is asked for, and its column. */
  @Test
  void pytorchIsAskedForTheSameDevice() throws IOException {
    Path asked = dir.resolve("asked");
    Path python = dir.resolve("python");
    String answers = "while read l; do echo '{\"seconds\":2,\"cpu_seconds\":1}'; done";
    Files.writeString(
        python,
        "#!/bin/sh\nread l\necho \"$l\" >" + asked + "\necho '{\"name\":\"p\"}'\n" + answers);
    assertTrue(python.toFile().setExecutable(true));
    List<String> args = tiny("text", "cuda");
    args.addAll(List.of("--peer", "pytorch", "--peer-layout", "contiguous"));
    args.addAll(List.of("--peer-python", python.toString()));
    assertEquals(0, run(args), lastError());
    assertEquals(2, result().get("peer").get("seconds").get("median").asDouble());
    JsonNode request = JsonMapper.shared().readTree(Files.readString(asked));
    assertEquals("cuda:0", request.get("device").asString());
    assertEquals("text", request.get("work").asString());
  }

  @Test
  void openvinoIsOfTheCpu() {
    List<String> args = tiny("text", "cuda");
    args.addAll(List.of("--peer", "openvino"));
    assertEquals(2, run(args));
    assertTrue(lastError().contains("--peer openvino computes on the CPU"), lastError());
  }
}
