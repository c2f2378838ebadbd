package dev.viridian.matting.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code train --mixed-precision} on the CPU. */
class MixedPrecisionCommandTest {
  private static final String WEIGHTS = "checkpoints/4/weights.safetensors";

  private @TempDir Path dir;
  private Path data;

  @BeforeEach
  void write() throws IOException {
    data = TinyData.write(dir.resolve("data"), 6);
  }

  private List<String> train(String stage, Path output, int steps, String... more)
      throws IOException {
    List<String> args = new ArrayList<>(List.of("train", "--stage", stage));
    args.addAll(List.of("--train-data-dir", data.toString(), "--output", output.toString()));
    args.addAll(List.of("--resolution", "16", "--max-train-steps", Integer.toString(steps)));
    args.addAll(List.of("--config", TinyData.config(dir).toString(), "--device", "cpu"));
    args.addAll(List.of("--checkpointing-steps", "2", "--seed", "7", "--learning-rate", "1e-3"));
    args.addAll(List.of(more));
    return args;
  }

  private static Run ok(List<String> args) {
    Run run = Run.of(args.toArray(String[]::new));
    assertEquals(0, run.code(), run.err());
    return run;
  }

  private static String wrong(List<String> args) {
    Run run = Run.of(args.toArray(String[]::new));
    assertEquals(2, run.code(), run.err());
    assertEquals(1, run.err().lines().count(), run.err());
    return run.err().strip();
  }

  /** All losses, text encoder and UNet, whatever is rounded; then another precision. */
  @Test
  void aResumedRunEndsWithTheSameBits() throws IOException {
    String[] flags = {
      "--mixed-precision", "bf16", "--green-weight", "1", "--detail-weight", "1", "--ema"
    };
    Path whole = dir.resolve("whole");
    ok(train("scratch", whole, 4, flags));
    Path parts = dir.resolve("parts");
    ok(train("scratch", parts, 2, flags));
    List<String> rest = train("scratch", parts, 4, flags);
    rest.addAll(List.of("--resume-from-checkpoint", "latest"));
    ok(rest);
    TrainCommandTest.assertSame(whole, parts);
    flags[1] = "no";
    Path plain = dir.resolve("plain");
    ok(train("scratch", plain, 4, flags));
    assertNotEquals(-1, Files.mismatch(whole.resolve(WEIGHTS), plain.resolve(WEIGHTS)));
    List<String> other = train("scratch", parts, 6, flags);
    other.addAll(List.of("--resume-from-checkpoint", "latest"));
    String line = wrong(other);
    assertTrue(line.contains("was made with mixed-precision bf16, found no"), line);
  }

  /** Checkpoints from before there was a choice have none in them. */
  @Test
  void anOlderCheckpointWasMadeWithout() throws IOException {
    Path output = dir.resolve("old");
    ok(train("vae", output, 2));
    Path state = output.resolve("checkpoints/2/state.json");
    String json = Files.readString(state);
    assertTrue(json.contains(",\"mixed-precision\":\"no\""), json);
    Files.writeString(state, json.replace(",\"mixed-precision\":\"no\"", ""));
    ok(train("vae", output, 4, "--resume-from-checkpoint", "latest"));
    Files.delete(output.resolve("checkpoints/4/state.json"));
    List<String> other = train("vae", output, 4, "--resume-from-checkpoint", "latest");
    other.addAll(List.of("--mixed-precision", "bf16"));
    assertTrue(wrong(other).contains("was made with mixed-precision no, found bf16"));
  }

  @Test
  void theLossFalls() throws IOException {
    Path output = dir.resolve("falls");
    ok(train("vae", output, 60, "--mixed-precision", "bf16"));
    List<String> rows = Files.readAllLines(output.resolve("scalars.csv"));
    int total = List.of(rows.getFirst().split(",")).indexOf("total");
    double[] ends = new double[2];
    for (int i = 0; i < 10; i++) {
      ends[0] += Double.parseDouble(rows.get(1 + i).split(",")[total]) / 10;
      ends[1] += Double.parseDouble(rows.get(rows.size() - 1 - i).split(",")[total]) / 10;
    }
    assertTrue(ends[1] < 0.8 * ends[0], ends[0] + " to " + ends[1]);
  }

  @Test
  void whatIsNotToBeHadIsOneLine() throws IOException {
    Path output = dir.resolve("none");
    assertEquals(
        "viridian: --mixed-precision fp16 needs a CUDA device; on the CPU use"
            + " --mixed-precision bf16",
        wrong(train("vae", output, 2, "--mixed-precision", "fp16")));
    String line = wrong(train("vae", output, 2, "--mixed-precision", "fp8"));
    assertTrue(line.contains("--mixed-precision is 'fp8'"), line);
    line = wrong(train("vae", output, 2, "--loss-scale", "3"));
    assertTrue(line.contains("--loss-scale is 3.0, expected a power of 2"), line);
  }

  @Test
  void theReportSaysNothingOfScalesThatThereAreNot() throws IOException {
    List<String> args = train("vae", dir.resolve("json"), 2, "--mixed-precision", "bf16");
    args.add("--json");
    JsonNode json = JsonMapper.shared().readTree(ok(args).out());
    assertTrue(json.path("loss_scale").isMissingNode(), json::toString);
    List<String> rows = Files.readAllLines(dir.resolve("json/scalars.csv"));
    assertTrue(rows.getFirst().endsWith(",seconds"), rows.getFirst());
  }
}
