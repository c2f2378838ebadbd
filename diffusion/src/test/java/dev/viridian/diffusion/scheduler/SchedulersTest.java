package dev.viridian.diffusion.scheduler;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SchedulersTest {
  private static final SchedulerConfig SD15 = SchedulerConfig.sd15();

  private static void refused(String said, Executable body) {
    InputException e = assertThrows(InputException.class, body);
    assertTrue(e.getMessage().contains(said), e.getMessage());
    assertEquals(1, e.getMessage().lines().count(), e.getMessage());
  }

  @Test
  void samplersAreFoundByEitherName() {
    for (Schedulers.Entry entry : Schedulers.all()) {
      assertEquals(entry, Schedulers.find(entry.name()).orElseThrow());
      assertEquals(entry, Schedulers.find(entry.webName().toUpperCase()).orElseThrow());
      try (SchedulerRun run = Schedulers.create(entry.name(), SD15).start(10)) {
        assertTrue(run.calls() >= 10);
      }
    }
    refused("euler-a", () -> Schedulers.create("eulera", SD15));
    assertEquals(51, Schedulers.create(SD15).start(50).calls());
    refused("_class_name", () -> Schedulers.create(SD15.with("_class_name", "XScheduler")));
  }

  @ParameterizedTest
  @CsvSource({
    "num_train_timesteps, 0",
    "num_train_timesteps, 1000000000",
    "num_train_timesteps, 1.5",
    "num_train_timesteps, '\"1000\"'",
    "beta_start, -1",
    "beta_end, NaN",
    "beta_schedule, '\"x\"'",
    "trained_betas, '[0.1, 0.2]'",
    "trained_betas, '[0.1, \"x\"]'",
    "trained_betas, 7",
    "prediction_type, '\"flow\"'",
    "timestep_spacing, 3",
    "steps_offset, -1",
    "thresholding, true",
    "set_alpha_to_one, 1",
    "rescale_betas_zero_snr, true"
  })
  void wrongSettingsAreNamed(String key, String value) {
    String json = "{\"" + key + "\": " + value + "}";
    refused(key, () -> Schedulers.create("ddim", SchedulerConfig.parse(json, "x.json")).start(5));
    refused(
        "x.json", () -> Schedulers.create("ddim", SchedulerConfig.parse(json, "x.json")).start(5));
  }

  @Test
  void settingsFiles(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("scheduler_config.json");
    refused("not found", () -> SchedulerConfig.load(file));
    for (String text : new String[] {"", "[]", "3", "{", "{\"a\"", "[".repeat(5000)}) {
      Files.writeString(file, text);
      refused(file.toString(), () -> SchedulerConfig.load(file));
    }
    Files.write(file, new byte[] {'{', (byte) 0xff, '}'});
    refused(file.toString(), () -> SchedulerConfig.load(file));
    Files.writeString(
        file,
        "{\"_class_name\": \"DPMSolverMultistepScheduler\", \"lambda_min_clipped\": -Infinity,"
            + " \"unknown\": {\"a\": [1]}, \"algorithm_type\": \"dpmsolver++\"}");
    assertEquals(7, Schedulers.create(SchedulerConfig.load(file)).start(7).calls());
  }

  @Test
  void settingsThatASamplerCannotDo() {
    refused(
        "at most one",
        () ->
            Schedulers.create(
                "euler", SD15.with("use_karras_sigmas", true).with("use_beta_sigmas", true)));
    refused("steps", () -> Schedulers.create("ddim", SD15).start(0));
    refused("steps", () -> Schedulers.create("ddim", SD15).start(1001));
    refused("spacing", () -> Schedulers.create("ddim", SD15).start(1000));
    refused(
        "skip_prk", () -> Schedulers.create("pndm", SD15.with("skip_prk_steps", false)).start(3));
    refused("karras", () -> Schedulers.withSchedule(SD15, "ddim", "karras"));
    refused("schedule", () -> Schedulers.withSchedule(SD15, "euler", "cosine"));
    refused("strength", () -> Scheduler.firstCall(10, 1.5));
    refused("eta", () -> Schedulers.create("ddim", SD15.with("eta", 2.0)));
    assertEquals(SD15, Schedulers.withSchedule(SD15, "ddim", "default"));
  }

  @Test
  void karrasScheduleDescendsFromTheLargestToTheSmallestLevel() {
    SchedulerConfig karras = Schedulers.withSchedule(SD15, "euler", "karras");
    double[] sigmas = Schedulers.create("Euler", karras).start(8).sigmas();
    assertEquals(14.6146, sigmas[0], 1e-3);
    assertEquals(0.0292, sigmas[7], 1e-4);
    assertEquals(0, sigmas[8]);
    for (int i = 0; i < 8; i++) {
      assertTrue(sigmas[i + 1] < sigmas[i]);
    }
  }

  /** Quantiles of Beta(0.6, 0.6), by an integral of another kind. */
  @Test
  void betaQuantiles() {
    assertEquals(0.5, SigmaSpacing.betaQuantile(0.5), 1e-15);
    assertEquals(0, SigmaSpacing.betaQuantile(0));
    assertEquals(1, SigmaSpacing.betaQuantile(1));
    for (double p : new double[] {1e-6, 0.01, 0.3, 0.77}) {
      double x = SigmaSpacing.betaQuantile(p);
      assertEquals(1 - x, SigmaSpacing.betaQuantile(1 - p), 1e-14);
      assertEquals(p, integral(x) / integral(1), 2e-6);
    }
  }

  /** ∫ (t (1 − t))^−0.4 from 0 to x, with t = u⁵ near 0 to tame the pole, by the midpoint rule. */
  private static double integral(double x) {
    if (x > 0.5) {
      return 2 * integral(0.5) - (x == 1 ? 0 : integral(1 - x));
    }
    double sum = 0;
    int n = 200_000;
    double end = Math.pow(x, 0.2);
    for (int i = 0; i < n; i++) {
      double u = (i + 0.5) / n * end;
      double t = Math.pow(u, 5);
      sum += Math.pow(t * (1 - t), -0.4) * 5 * Math.pow(u, 4);
    }
    return sum * end / n;
  }

  /**
   * What a multistep method remembers outlives the scope of the call, and nothing leaks from it.
   */
  @Test
  @SuppressWarnings("try") // the scopes close what the steps make
  void runsWorkWithAScopeForEachCall() {
    for (String name : new String[] {"pndm", "dpmpp-3m-sde", "ddim"}) {
      float[] once;
      try (MemoryScope all = MemoryScope.open();
          SchedulerRun run = Schedulers.create(name, SD15).start(6)) {
        Tensor x = ones(1);
        for (int i = 0; i < run.calls(); i++) {
          x = run.step(half(x), i, x, () -> ones(0.5f)).sample();
        }
        once = x.toFloats();
      }
      try (SchedulerRun run = Schedulers.create(name, SD15).start(6)) {
        float[] x = {1, 1, 1, 1};
        for (int i = 0; i < run.calls(); i++) {
          try (MemoryScope scope = MemoryScope.open()) {
            Tensor now = Tensors.of(Device.cpu(), x, 1, 4, 1, 1);
            x = run.step(half(now), i, now, () -> ones(0.5f)).sample().toFloats();
          }
        }
        assertArrayEquals(once, x, name);
      }
    }
  }

  private static Tensor ones(float value) {
    float[] x = new float[4];
    Arrays.fill(x, value);
    return Tensors.of(Device.cpu(), x, 1, 4, 1, 1);
  }

  private static Tensor half(Tensor x) {
    return Combination.of(x).times(0.5).evaluate();
  }

  @Test
  @SuppressWarnings("try") // the scope closes what the step makes
  void stepWithAnOutputOfAnotherShape() {
    try (MemoryScope scope = MemoryScope.open();
        SchedulerRun run = Schedulers.create("euler", SD15).start(2)) {
      Tensor other = Tensors.of(Device.cpu(), new float[] {1, 2}, 2);
      assertThrows(
          IllegalArgumentException.class, () -> run.step(other, 0, ones(1), () -> ones(1)));
      assertThrows(
          IndexOutOfBoundsException.class, () -> run.step(ones(1), 2, ones(1), () -> ones(1)));
    }
  }
}
