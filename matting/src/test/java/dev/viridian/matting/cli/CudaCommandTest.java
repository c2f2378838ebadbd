package dev.viridian.matting.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.cuda.EmulatedDevice;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.StreamSupport;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code --device} and the doctor's lines, on the emulated device and where there is none. */
class CudaCommandTest {
  private @TempDir Path dir;
  private EmulatedDevice emulated;

  @BeforeEach
  void load() {
    emulated = EmulatedDevice.load();
  }

  /** The other tests of this process have no CUDA device. */
  @AfterEach
  void unload() {
    emulated.devices(0);
  }

  private List<String> generate(Path model, String name, String device) {
    List<String> args = new ArrayList<>(SmallModel.generate(model, dir.resolve(name)));
    args.addAll(List.of("--device", device));
    return args;
  }

  private static Run run(List<String> args) {
    return Run.of(args.toArray(String[]::new));
  }

  private static Run ok(List<String> args) {
    Run run = run(args);
    assertEquals(0, run.code(), run.err());
    return run;
  }

  @Test
  void aDeviceThatIsNotThereIsOneLineAndCode2() throws IOException {
    Path model = SmallModel.folder(dir.resolve("model"), DType.F32);
    Run beyond = run(generate(model, "a.png", "cuda:3"));
    assertEquals(2, beyond.code());
    assertEquals(
        "viridian: --device cuda:3: CUDA: there is no device cuda:3, the last is cuda:0",
        beyond.err().strip());
    emulated.devices(0);
    Run none = run(generate(model, "a.png", "cuda"));
    assertEquals(2, none.code());
    assertEquals(1, none.err().lines().count(), none.err());
    assertTrue(none.err().startsWith("viridian: --device cuda: CUDA: "), none.err());
    assertTrue(Files.notExists(dir.resolve("a.png")));
  }

  @Test
  void autoFallsToTheCpuAndSaysSoOnce() throws IOException {
    Path model = SmallModel.folder(dir.resolve("model"), DType.F32);
    emulated.devices(0);
    Run auto = ok(generate(model, "a.png", "auto"));
    long said = auto.err().lines().filter(l -> l.contains("computing on the CPU")).count();
    assertEquals(1, said, auto.err());
    Run silent = ok(new ArrayList<>(SmallModel.generate(model, dir.resolve("b.png"))));
    assertTrue(!silent.err().contains("CPU"), silent.err());
  }

  @Test
  void picturesAreThoseOfTheCpu() throws IOException {
    Path model = SmallModel.folder(dir.resolve("model"), DType.F16);
    ok(generate(model, "cpu.png", "cpu"));
    ok(generate(model, "cuda.png", "cuda:0"));
    assertAlike("cpu.png", "cuda.png", 1);
  }

  /** Factors of 16 bits are those of the device, weights are rounded once. */
  @ParameterizedTest
  @ValueSource(strings = {"f16", "bf16"})
  void picturesOf16BitsAreNearThem(String dtype) throws IOException {
    Path model = SmallModel.folder(dir.resolve("model"), DType.F32);
    ok(generate(model, "cpu.png", "cpu"));
    List<String> args = generate(model, "cuda.png", "cuda");
    args.addAll(List.of("--dtype", dtype));
    ok(args);
    assertAlike("cpu.png", "cuda.png", 5);
  }

  @Test
  void productsOf8BitsAreTheCpus() throws IOException {
    Path model = SmallModel.folder(dir.resolve("model"), DType.F32);
    List<String> args = generate(model, "a.png", "cuda");
    args.addAll(List.of("--dtype", "int8"));
    Run run = run(args);
    assertEquals(2, run.code());
    assertTrue(run.err().contains("has no fast products of int8"), run.err());
  }

  /**
   * Alpha and what colours give before black: a colour of which there is next to nothing is divided
   * by next to nothing, and may be anything.
   */
  private void assertAlike(String expected, String actual, int levels) throws IOException {
    assertEquals("", emulated.report());
    byte[] a = bytes(dir.resolve(expected));
    byte[] b = bytes(dir.resolve(actual));
    assertEquals(a.length, b.length);
    for (int i = 0; i < a.length; i++) {
      assertEquals(a[i] & 0xff, b[i] & 0xff, levels, "value " + i);
    }
  }

  private static byte[] bytes(Path picture) throws IOException {
    BufferedImage image = ImageIO.read(picture.toFile());
    int[] argb = image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
    byte[] all = new byte[4 * argb.length];
    for (int i = 0; i < all.length; i++) {
      int value = argb[i / 4] >>> 8 * (i % 4) & 0xff;
      all[i] = (byte) (i % 4 == 3 ? value : Math.round(value * (argb[i / 4] >>> 24) / 255f));
    }
    return all;
  }

  /** Stage 2 with all losses: what was interrupted ends with the same bits on the same device. */
  @Test
  void trainingGoesOnWithTheSameBits() throws IOException {
    Path data = TinyData.write(dir.resolve("data"), 6);
    Path shapes = Files.writeString(dir.resolve("shapes.json"), TinyData.CONFIG);
    Path base = dir.resolve("base");
    ok(train("scratch", base, data, "1", "cpu", "--config", shapes.toString()));
    Path whole = dir.resolve("whole");
    ok(train("2", whole, data, "2", "cuda", "--model", base.toString()));
    Path parts = dir.resolve("parts");
    ok(train("2", parts, data, "1", "cuda", "--model", base.toString()));
    List<String> rest = train("2", parts, data, "2", "cuda", "--model", base.toString());
    rest.addAll(List.of("--resume-from-checkpoint", "latest"));
    ok(rest);
    TrainCommandTest.assertSame(whole, parts);
    assertEquals("", emulated.report());
  }

  /**
   * Half precision from a scale at which gradients overflow: steps are left out, each halves the
   * scale, and a run that is taken up goes on where the scale was.
   */
  @Test
  void overflowsHalveTheScaleUntilTheyEnd() throws IOException {
    Path data = TinyData.write(dir.resolve("data"), 6);
    Path shapes = Files.writeString(dir.resolve("shapes.json"), TinyData.CONFIG);
    String[] flags = {
      "--config", shapes.toString(), "--mixed-precision", "fp16", "--loss-scale", "16777216"
    };
    Path whole = dir.resolve("whole");
    List<String> all = train("vae", whole, data, "12", "cuda", flags);
    all.add("--json");
    JsonNode result = JsonMapper.shared().readTree(ok(all).out());
    long skipped = result.get("steps_left_out").asLong();
    double scale = 0x1p24;
    long seen = 0;
    List<String> rows = Files.readAllLines(whole.resolve("scalars.csv"));
    List<String> names = List.of(rows.getFirst().split(","));
    for (String row : rows.subList(1, rows.size())) {
      String[] values = row.split(",");
      assertEquals(scale, Double.parseDouble(values[names.indexOf("loss_scale")]));
      if (!Double.isFinite(Double.parseDouble(values[names.indexOf("gradient_norm")]))) {
        scale /= 2;
        seen++;
      }
      assertTrue(Double.isFinite(Double.parseDouble(values[names.indexOf("total")])), row);
    }
    assertEquals(skipped, seen);
    assertTrue(skipped >= 2 && skipped < 12, "left out " + skipped);
    assertEquals(scale, result.get("loss_scale").asDouble());
    Path parts = dir.resolve("parts");
    ok(train("vae", parts, data, Long.toString(skipped - 1), "cuda", flags));
    List<String> rest = train("vae", parts, data, "12", "cuda", flags);
    rest.addAll(List.of("--resume-from-checkpoint", "latest"));
    ok(rest);
    assertEquals(
        JsonMapper.shared().readTree(whole.resolve("checkpoints/12/state.json").toFile()),
        JsonMapper.shared().readTree(parts.resolve("checkpoints/12/state.json").toFile()));
    for (String file : List.of("weights", "optimizer")) {
      String name = "checkpoints/12/" + file + ".safetensors";
      assertEquals(-1, Files.mismatch(whole.resolve(name), parts.resolve(name)), name);
    }
    assertEquals("", emulated.report());
  }

  private static List<String> train(
      String stage, Path output, Path data, String steps, String device, String... more) {
    List<String> args =
        new ArrayList<>(List.of("train", "--stage", stage, "--train-data-dir", data.toString()));
    args.addAll(List.of("--output", output.toString(), "--resolution", "16", "--seed", "7"));
    args.addAll(List.of("--max-train-steps", steps, "--checkpointing-steps", "1"));
    args.addAll(List.of("--device", device));
    args.addAll(List.of(more));
    return args;
  }

  @Test
  void theDoctorTellsDeviceAndLibraries() {
    JsonNode with = JsonMapper.shared().readTree(Run.of("doctor", "--json").out());
    for (String name : List.of("cuda driver", "gpu", "cublas", "cudnn")) {
      assertEquals(1, count(with, name), name + " in " + with);
    }
    emulated.devices(0);
    JsonNode without = JsonMapper.shared().readTree(Run.of("doctor", "--json").out());
    assertEquals(1, count(without, "cuda driver"));
    assertEquals(0, count(without, "gpu"));
  }

  private static long count(JsonNode doctor, String name) {
    return StreamSupport.stream(doctor.get("findings").spliterator(), false)
        .filter(f -> f.get("name").asString().equals(name))
        .count();
  }
}
