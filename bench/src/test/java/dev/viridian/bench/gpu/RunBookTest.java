package dev.viridian.bench.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.diffusion.testing.GoldenModels;
import dev.viridian.engine.Device;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cuda.EmulatedDevice;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The run book: its order and report with programs of the system, its parts on the emulated device.
 */
class RunBookTest {
  @TempDir private Path out;

  private final StringWriter err = new StringWriter();

  private boolean run(double seconds, RunBook.Part... parts) {
    return RunBook.run(
        List.of(parts), out, seconds, Map.of("cpu", "some"), new PrintWriter(err, true));
  }

  private JsonNode report() throws IOException {
    return JsonMapper.builder().build().readTree(Files.readString(out.resolve("report.json")));
  }

  private static RunBook.Part shell(String name, double seconds, String script) {
    return RunBook.Part.of(name, seconds, List.of("sh", "-c", script));
  }

  @Test
  void aPartThatFailsLeavesTheOthersAlone() throws IOException {
    boolean good =
        run(
            60,
            shell("dies", 20, "echo it is broken >&2; kill -9 $$"),
            shell("hangs", 1, "echo begun >&2; sleep 60"),
            RunBook.Part.of("absent", 20, List.of("/no/such/program")),
            RunBook.Part.skipped("python", "no Python given"),
            shell("wrong", 20, "echo '{\"passed\":false,\"error\":0.5}'"),
            shell("good", 20, "echo noise; echo '{\"figure\":3}'"));
    assertFalse(good);
    JsonNode parts = report().get("parts");
    List<String> status = parts.valueStream().map(p -> p.get("status").asString()).toList();
    assertEquals(List.of("failed", "timed out", "failed", "skipped", "failed", "passed"), status);
    assertEquals("it is broken", parts.get(0).get("log").get(0).asString());
    assertEquals(3, parts.get(5).get("result").get("figure").asInt());
    String text = Files.readString(out.resolve("report.md"));
    assertTrue(text.contains("| dies | failed | "), text);
    assertTrue(text.contains("it is broken"), text);
    assertTrue(text.contains("* figure: 3"), text);
    assertTrue(text.contains("no Python given"), text);
    assertTrue(err.toString().contains("hangs      timed out"), err.toString());
  }

  @Test
  void noPartBeginsWithoutTime() throws IOException {
    assertTrue(run(0, shell("late", 20, "echo 1")));
    JsonNode part = report().get("parts").get(0);
    assertEquals("no time was left", part.get("why").asString());
  }

  @Test
  void everyPartOfAWholeRunHasACommandOrAReason() {
    List<RunBook.Part> parts =
        RunBook.parts(new RunBook.Setup(out, "cuda:1", "python3", out, "/bin/compute-sanitizer"));
    List<String> names = parts.stream().map(RunBook.Part::name).toList();
    assertEquals(
        List.of(
            "doctor",
            "ops",
            "goldens",
            "networks",
            "generate",
            "kernels",
            "full",
            "pictures",
            "training",
            "peer",
            "sanitizer"),
        names);
    for (RunBook.Part part : parts) {
      assertFalse(part.command().isEmpty(), part.name());
    }
    assertTrue(Files.exists(out.resolve("peer.py")));
    assertTrue(parts.get(5).command().contains("cuda:1"));
    List<RunBook.Part> least = RunBook.parts(new RunBook.Setup(out, "cuda", null, null, null));
    assertEquals(names, least.stream().map(RunBook.Part::name).toList());
    assertEquals(4, least.stream().filter(p -> p.command().isEmpty()).count());
  }

  @Test
  void theTablesOfTheReport() {
    Map<String, Object> full = Map.of("replayed_step_seconds", Map.of("median", 0.02));
    Map<String, Object> peer = Map.of("unet_eager", Map.of("median", 0.04));
    Map<String, Object> row =
        Map.of("name", "attention 4096x4096x40, 8 heads", "seconds", Map.of("median", 0.001));
    String text =
        Report.markdown(
            Map.of(
                "parts",
                List.of(
                    Map.of("part", "full", "status", "passed", "seconds", 1.0, "result", full),
                    Map.of("part", "peer", "status", "passed", "seconds", 1.0, "result", peer),
                    Map.of(
                        "part",
                        "kernels",
                        "status",
                        "passed",
                        "seconds",
                        1.0,
                        "result",
                        Map.of("rows", List.of(row))))));
    assertTrue(
        text.contains(
            "| UNet step, batch 2, beside eager SDPA | 0.0200 | 0.0400 | 0.50 | 0.80 | yes |"),
        text);
    assertTrue(text.contains("| 0.0200 |  | | 1.00 | not measured |"), text);
    assertTrue(text.contains("| attention 4096x4096x40, 8 heads | 1.000 |  |  |"), text);
  }

  @Test
  void theErrorIsInfiniteWhereANumberIsNone() {
    assertEquals(0.25, Networks.error(new float[] {1, -4}, new float[] {2, -4}));
    assertEquals(
        Double.POSITIVE_INFINITY, Networks.error(new float[] {1, 2}, new float[] {1, Float.NaN}));
    assertEquals(Double.POSITIVE_INFINITY, Networks.error(new float[2], new float[1]));
  }

  /** Each part that this module does itself, on the emulated device. */
  @Test
  void thePartsRunOnTheEmulatedDevice() {
    EmulatedDevice emulated = EmulatedDevice.load();
    emulated.reset();
    Sizes sizes = Sizes.tiny(GoldenModels.tinyConfigs());
    try (Device device = Device.cuda(0)) {
      Map<String, Object> networks = RunBook.own("networks", device, sizes);
      assertEquals(true, networks.get("passed"), networks.toString());
    }
    try (Device device = Device.cuda(0, DType.F16)) {
      Map<String, Object> kernels = RunBook.own("kernels", device, sizes);
      assertEquals(16, ((List<?>) kernels.get("rows")).size());
      Map<String, Object> full = RunBook.own("full", device, sizes);
      assertEquals(true, full.get("replayed"), full.toString());
      assertEquals(0L, full.get("left_bytes"));
      assertTrue((long) full.get("picture_peak_bytes") > (long) full.get("weights_bytes"));
    }
    assertEquals("", emulated.report());
  }
}
