package dev.viridian.matting.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Runs that are killed again and again, in the middle of steps and of checkpoints, and resumed:
 * they end with the bits of a run that nobody disturbed. {@code -Dviridian.kills=30} kills more
 * often.
 */
class KilledTrainingTest {
  private static final int KILLS = Integer.getInteger("viridian.kills", 2);
  private static final int STEPS_BETWEEN = 5;
  private static final int MOST_DELAY_MS = 40;

  @TempDir Path dir;

  private List<String> args(Path data, Path config, Path output, int steps, String precision) {
    return new ArrayList<>(
        List.of(
            "train",
            "--stage",
            "vae",
            "--config",
            config.toString(),
            "--train-data-dir",
            data.toString(),
            "--output",
            output.toString(),
            "--resolution",
            "16",
            "--random-flip",
            "--ema",
            "--learning-rate",
            "1e-3",
            "--max-train-steps",
            Integer.toString(steps),
            "--checkpointing-steps",
            "2",
            "--seed",
            "3",
            "--threads",
            "1",
            "--mixed-precision",
            precision,
            "--resume-from-checkpoint",
            "latest"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"no", "bf16"})
  void endsWithTheSameBits(String precision) throws IOException, InterruptedException {
    Path data = TinyData.write(dir.resolve("data"), 5);
    Path config = TinyData.config(dir);
    int steps = (KILLS + 1) * (STEPS_BETWEEN + 2);
    Path whole = dir.resolve("whole");
    Run run = Run.of(args(data, config, whole, steps, precision).toArray(String[]::new));
    assertEquals(0, run.code(), run.err());

    long seed = System.nanoTime();
    Random random = new Random(seed);
    Path disturbed = dir.resolve("disturbed");
    List<String> args = args(data, config, disturbed, steps, precision);
    int killed = 0;
    while (killed < KILLS) {
      try (Child child = Child.start(dir, "", List.of("-Xmx512m"), args)) {
        int until = rows(disturbed) + random.nextInt(STEPS_BETWEEN) - 1;
        int delay = random.nextInt(MOST_DELAY_MS);
        long start = System.nanoTime();
        boolean running =
            child.until(
                () -> rows(disturbed) >= until && System.nanoTime() - start > delay * 1_000_000L);
        Thread.sleep(delay);
        child.kill();
        killed++;
        assertTrue(running || rows(disturbed) >= steps, "ended by itself, seed " + seed);
      }
    }
    Run last = Child.run(dir, "", List.of("-Xmx512m"), args);
    assertEquals(0, last.code(), last.err());
    TrainCommandTest.assertSame(whole, disturbed);
    System.out.println("killed " + killed + " times, seed " + seed);
  }

  /** Steps in the table of numbers. */
  private static int rows(Path output) throws IOException {
    Path table = output.resolve("scalars.csv");
    return Files.exists(table) ? Math.max(0, Files.readAllLines(table).size() - 1) : 0;
  }
}
