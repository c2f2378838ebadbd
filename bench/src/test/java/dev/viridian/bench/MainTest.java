package dev.viridian.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.viridian.kernels.Precision;
import dev.viridian.kernels.cpu.CpuKernels;
import dev.viridian.kernels.cpu.CpuOptions;
import dev.viridian.kernels.cpu.jit.CpuFeatures;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

final class MainTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int run(String... args) {
    return Main.run(
        args,
        new PrintStream(out, true, StandardCharsets.UTF_8),
        new PrintStream(err, true, StandardCharsets.UTF_8));
  }

  private String lastError() {
    return err.toString(StandardCharsets.UTF_8).lines().reduce("", (a, b) -> b);
  }

  @ParameterizedTest
  @CsvSource({
    "train --device cuda:1, train --device cuda:1",
    "ops --device cuda, ops --device cuda"
  })
  void whatIsNotBuiltYetIsSaidSo(String line, String what) {
    assertEquals(2, run(line.split(" ")));
    assertEquals("viridian: not available yet: " + what, lastError());
  }

  @ParameterizedTest
  @CsvSource({
    "step --width 100, --width is 100",
    "step --repeat 0, --repeat is 0",
    "step --dtype f33, 'f32'",
    "step --peer onnxruntime, --peer onnxruntime does 'ops' alone",
    "'vae --peer pytorch,djl', --peer djl does 'ops' alone",
    "train --peer djl, --peer djl does not train",
    "ops --filter 77x768 --peer onnxruntime, 'mvn -Ppeers -DskipTests package' fetches it",
    "step --peer openvion, 'openvino'",
    "'step --peer pytorch,torch', 'torch'",
    "step --widht 64, '--width'",
    "stepp, 'step'",
    "step --device gpu, --device is 'gpu'",
    "step --device cuda --profile, --profile is of the CPU alone",
    "text --device cuda --dtype int8, --dtype int8 is of the CPU alone",
    "step --peer f32, --peer f32 is of 'train' alone",
    "ops --peer f32, --peer f32 is of 'train' alone",
    "train --dtype f16, the CPU trains in f32 or bf16",
    "train --stage 3, --stage is '3'",
    "train --width 64, have to be the same",
    "'train --peer openvino', 'openvino does not train; pytorch does, and f32 is ours without'",
    "ops --dtype f16 --filter gemm, 'single kernels compute in f32, bf16 or int8'",
    "'ops --dtype bf16 --filter geglu', 'attention 4096x4096 1x512, which there are in bf16'",
    "'ops --dtype int8 --filter attention', '128->128, which there are in int8'",
    "ops --filter nonsense, leaves nothing of gemm",
    "history no-such-file, no-such-file: cannot be read",
    "'table2 --base a --data b --test c --output d --steps 5,5', --steps is 5",
    "table2 --base no-such-folder --data b --test c --output d, no such file or folder",
    "text --model no-such-folder, no such file or folder"
  })
  void wrongInputIsOneLineThatSaysWhat(String line, String part) {
    assertEquals(2, run(line.split(" ")));
    assertTrue(lastError().contains(part), lastError());
  }

  @Test
  void nothingToTimeIsWrong() {
    assertEquals(2, run());
  }

  @Test
  void anOpGivesTheFieldsThatScriptsRead(@TempDir Path folder) throws Exception {
    Path history = folder.resolve("history.jsonl");
    String[] args = {
      "ops", "--filter", "layerNorm 77x768", "--repeat", "2", "--json", "--history", "" + history
    };
    assertEquals(0, run(args), lastError());
    JsonNode result = JsonMapper.shared().readTree(out.toString(StandardCharsets.UTF_8)).get(0);
    assertEquals("layerNorm 77x768", result.get("work").asString());
    assertEquals("f32", result.get("dtype").asString());
    assertEquals("cpu", result.get("device").asString());
    assertTrue(result.get("threads").asInt() >= 1);
    JsonNode seconds = result.get("seconds");
    assertTrue(seconds.get("min").asDouble() > 0);
    assertTrue(seconds.get("median").asDouble() >= seconds.get("min").asDouble());
    assertTrue(seconds.get("max").asDouble() >= seconds.get("median").asDouble());
    assertTrue(result.get("cpu_seconds").get("median").asDouble() >= 0);
    assertTrue(result.get("peak_rss_bytes").isNumber());
    assertTrue(result.get("peer").isNull());
    assertTrue(result.get("ratio").isNull());
    List<String> lines = Files.readAllLines(history);
    assertEquals(1, lines.size());
    JsonNode line = JsonMapper.shared().readTree(lines.getFirst());
    assertEquals("ops", line.get("command").asString());
    assertTrue(line.get("machine").get("processors").asInt() >= 1);
    assertEquals(
        CpuFeatures.here().labels(),
        line.get("machine").get("features").valueStream().map(JsonNode::asString).toList());
    assertEquals(result, line.get("results").get(0));
  }

  /** What is labelled as of lower precision is computed in it. */
  @Test
  void anOpInLowerPrecisionSaysSo() {
    try (CpuKernels kernels = new CpuKernels(CpuOptions.defaults())) {
      assumeTrue(kernels.packed().offers(Precision.INT8), "no int8 here");
    }
    String line = "ops --filter 77x320x768 --dtype int8 --warm-up 0 --repeat 1 --json";
    assertEquals(0, run(line.split(" ")), lastError());
    JsonNode result = JsonMapper.shared().readTree(out.toString(StandardCharsets.UTF_8)).get(0);
    assertEquals("gemm 77x320x768", result.get("work").asString());
    assertEquals("int8", result.get("dtype").asString());
  }

  /** What this processor has no products for is not computed in something else. */
  @Test
  void aMissingPrecisionIsSaid() {
    try (CpuKernels kernels = new CpuKernels(CpuOptions.defaults())) {
      assumeTrue(!kernels.packed().offers(Precision.INT8), "int8 is here");
    }
    String line = "step --device cpu --model small --width 64 --height 64 --dtype int8";
    assertEquals(2, run(line.split(" ")));
    assertTrue(lastError().contains("has no fast products of int8"), lastError());
  }

  /** Mixed precision beside ours in f32: both train. */
  @Test
  void mixedPrecisionIsComparedWithOurs() {
    String line = "train --width 64 --height 64 --batch 1 --warm-up 0 --repeat 1 --json";
    assertEquals(0, run((line + " --dtype bf16 --peer f32").split(" ")), lastError());
    JsonNode result = JsonMapper.shared().readTree(out.toString(StandardCharsets.UTF_8)).get(0);
    assertEquals(
        "train stage 2 small 64x64 batch 1 mixed precision", result.get("work").asString());
    assertEquals("bf16", result.get("dtype").asString());
    assertEquals("ours in f32", result.get("peer").get("name").asString());
    assertTrue(result.get("ratio").asDouble() > 0);
  }

  @Test
  void aStepOfTrainingIsTimedByItsParts() {
    String line = "train --width 64 --height 64 --batch 1 --warm-up 0 --repeat 2 --json";
    assertEquals(0, run(line.split(" ")), lastError());
    JsonNode result = JsonMapper.shared().readTree(out.toString(StandardCharsets.UTF_8)).get(0);
    assertEquals("train stage 2 small 64x64 batch 1", result.get("work").asString());
    double sum = 0;
    for (String phase : List.of("data", "batch", "losses", "backward", "optimizer")) {
      double seconds = result.get("phases").get(phase).asDouble();
      assertTrue(seconds > 0, phase);
      sum += seconds;
    }
    JsonNode seconds = result.get("seconds");
    double mean = (seconds.get("min").asDouble() + seconds.get("max").asDouble()) / 2;
    assertTrue(sum > 0.5 * mean && sum < 1.05 * mean, sum + " of " + mean);
  }

  @ParameterizedTest
  @ValueSource(strings = {"pytorch", "openvino"})
  void aPeerThatCannotStartIsNamed(String peer) {
    assertEquals(
        2, run("ops", "--filter", "layerNorm 77x768", "--peer", peer, "--peer-python", "no/such"));
    assertTrue(lastError().contains("--peer-python no/such"), lastError());
  }
}
