package dev.viridian.diffusion.scheduler;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.io.FormulaWeights;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.testing.Golden;
import dev.viridian.engine.testing.GoldenArea;
import dev.viridian.engine.testing.GoldenDevices;
import dev.viridian.engine.testing.GoldenFile;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;
import tools.jackson.databind.JsonNode;

/** Every run that the goldens hold of the samplers that are built. */
@GoldenArea("scheduler")
class SchedulerGoldenTest {
  private static final String AREA = "scheduler";
  private static final long[] SHAPE = {1, 4, 8, 8};
  private static final int N = 256;

  /** Of the run that runs. */
  private static Device device = GoldenDevices.device();

  private final JsonNode doc = Golden.json(AREA, "cases.json");
  private final GoldenFile common = GoldenFile.open(AREA, "common.safetensors");
  private final float[] pattern = FormulaWeights.uniform("scheduler.pattern", N);
  private final float[] image = FormulaWeights.uniform("scheduler.image", N);
  private final float[] initialNoise = common.floats("initial_noise");
  private final float[] noise = common.floats("noise");

  private static Tensor tensor(float[] values) {
    return Tensors.of(device, values, SHAPE);
  }

  private static float[] part(float[] all, int i) {
    return Arrays.copyOfRange(all, i * N, (i + 1) * N);
  }

  /** The stored noise, in order, and how much of it was taken. */
  private final class Draws implements NoiseSource {
    private int taken;

    @Override
    public Tensor next() {
      return tensor(part(noise, taken++));
    }
  }

  /** The artificial model, in float32. */
  private float[] denoise(float[] x, double timestep) {
    float s = (float) (0.5 * Math.sin(timestep / 100));
    float[] out = new float[N];
    for (int i = 0; i < N; i++) {
      out[i] = 0.8f * x[i] + 0.4f * (float) Math.tanh(0.7f * x[i] + s * pattern[i]);
    }
    return out;
  }

  /** A case's sampler: by the complete settings that the case lists and its arguments of step(). */
  private static Scheduler scheduler(JsonNode c, SchedulerConfig settings) {
    SchedulerConfig config = settings.with("_class_name", c.path("scheduler").asString());
    for (var argument : c.path("step_arguments").properties()) {
      config = with(config, argument.getKey(), argument.getValue());
    }
    return Schedulers.create(config);
  }

  private static SchedulerConfig with(SchedulerConfig config, String key, JsonNode value) {
    return value.isBoolean()
        ? config.with(key, value.booleanValue())
        : value.isNumber()
            ? config.with(key, value.doubleValue())
            : config.with(key, value.stringValue());
  }

  private static SchedulerConfig complete(JsonNode c) {
    return SchedulerConfig.parse(c.path("config").toString(), c.path("name").asString());
  }

  private static boolean isBuilt(JsonNode c) {
    String name = c.path("scheduler").asString();
    return Schedulers.all().stream().anyMatch(e -> e.className().equals(name));
  }

  @TestFactory
  Stream<DynamicNode> cases() {
    return doc.path("cases")
        .valueStream()
        .map(
            c -> {
              String name = c.path("name").asString();
              if (!isBuilt(c)) {
                return skipped(name, c);
              }
              Stream<DynamicTest> runs =
                  c.path("runs")
                      .valueStream()
                      .map(r -> test(r.path("steps").asString(), () -> run(c, r)));
              Stream<DynamicTest> img2img =
                  Stream.of(c.path("img2img"))
                      .filter(Predicate.not(JsonNode::isMissingNode))
                      .map(r -> test("img2img", () -> imageToImage(c, r)));
              return DynamicContainer.dynamicContainer(
                  name, Stream.concat(Stream.concat(runs, img2img), emulated(c)));
            });
  }

  /** The shortest run, on the emulated CUDA device. */
  private Stream<DynamicTest> emulated(JsonNode c) {
    return GoldenDevices.forced()
        ? Stream.empty()
        : c
            .path("runs")
            .valueStream()
            .min(Comparator.comparingInt(r -> r.path("steps").asInt()))
            .map(
                r ->
                    test(
                        r.path("steps").asString() + " [cuda, emulated]",
                        () -> {
                          device = GoldenDevices.emulated();
                          try {
                            run(c, r);
                            GoldenDevices.requireSound(device);
                          } finally {
                            device = GoldenDevices.device();
                          }
                        }))
            .stream();
  }

  private static DynamicTest skipped(String name, JsonNode c) {
    return DynamicTest.dynamicTest(
        name, () -> Assumptions.abort(c.path("scheduler").asString() + " is not built"));
  }

  @SuppressWarnings("try") // the scope closes what the test makes
  private static DynamicTest test(String name, Executable body) {
    return DynamicTest.dynamicTest(
        name,
        () -> {
          try (MemoryScope scope = MemoryScope.open()) {
            body.execute();
          }
        });
  }

  /** What a run is compared with. */
  private record Expected(JsonNode run, String prefix, GoldenFile file) {
    boolean has(String key) {
      return run.path("keys").valueStream().anyMatch(k -> k.asString().equals(key));
    }

    void equal(String key, double[] got) {
      float[] want = file.floats(prefix + key);
      assertEquals(want.length, got.length, prefix + key);
      double atol = run.path("atol").path(key).asDouble();
      double rtol = run.path(key + "_rtol").asDouble(0);
      for (int i = 0; i < want.length; i++) {
        double allowed = rtol > 0 ? Math.max(atol, rtol * want[i]) : atol;
        assertClose(want[i], got[i], allowed, prefix + key + "[" + i + "]");
      }
    }

    /** Entry {@code call} of a key, if the run has it. */
    void at(String key, int call, float[] got, double atol) {
      if (!has(key)) {
        return;
      }
      float[] want = part(file.floats(prefix + key), call);
      for (int i = 0; i < N; i++) {
        assertClose(want[i], got[i], atol, prefix + key + "[" + call + "][" + i + "]");
      }
    }

    void at(String key, int call, float[] got) {
      at(key, call, got, run.path("atol").path(key).asDouble());
    }
  }

  private static void assertClose(double want, double got, double atol, String what) {
    if (!(Math.abs(want - got) <= atol)) {
      assertEquals(want, got, atol, what);
    }
  }

  private void run(JsonNode c, JsonNode r) {
    Assumptions.assumeFalse(r.has("left_out"), () -> r.path("left_out").asString());
    int steps = r.path("steps").asInt();
    if (r.has("raises")) {
      assertThrows(InputException.class, () -> scheduler(c, complete(c)).start(steps).close());
      return;
    }
    Scheduler scheduler = scheduler(c, complete(c));
    try (GoldenFile file = GoldenFile.open(AREA, c.path("file").asString())) {
      Expected expected = new Expected(r, c.path("name").asString() + "." + steps + ".", file);
      try (SchedulerRun run = scheduler.start(steps)) {
        schedule(r, expected, run);
        closedLoop(r, expected, run, tensor(scaled(initialNoise, run.initNoiseSigma())), 0);
      }
      if (expected.has("prev_sample")) {
        openLoop(r, expected, scheduler.start(steps));
      }
    }
  }

  private static float[] scaled(float[] x, double factor) {
    float[] out = new float[x.length];
    for (int i = 0; i < x.length; i++) {
      out[i] = (float) factor * x[i];
    }
    return out;
  }

  private static void schedule(JsonNode r, Expected expected, SchedulerRun run) {
    assertEquals(r.path("calls").asInt(), run.calls());
    double sigma = r.path("init_noise_sigma").asDouble();
    assertEquals(sigma, run.initNoiseSigma(), 1e-6 * sigma);
    double[] timesteps = run.timesteps();
    // where float32 rounding takes the reference one below, double precision does not
    for (JsonNode edge : r.path("timesteps_at_the_edge")) {
      int i = edge.asInt();
      assertEquals(
          1, Math.abs(timesteps[i] - expected.file.longs(expected.prefix + "timesteps")[i]));
      timesteps[i] = expected.file.longs(expected.prefix + "timesteps")[i];
    }
    expected.equal("timesteps", timesteps);
    if (expected.has("sigmas")) {
      expected.equal("sigmas", run.sigmas());
    }
  }

  private void closedLoop(
      JsonNode r, Expected expected, SchedulerRun run, Tensor start, int first) {
    float[] timesteps = expected.file.floats(expected.prefix + "timesteps");
    Draws draws = new Draws();
    Tensor x = start;
    for (int i = first; i < run.calls(); i++) {
      Tensor input = run.scaleModelInput(x, i);
      Tensor output = tensor(denoise(input.toFloats(), timesteps[i - first]));
      int before = draws.taken;
      SchedulerStep step = run.step(output, i, x, draws);
      JsonNode drawn = r.path("noise_draws");
      assertEquals(drawn.isArray() ? drawn.get(i - first).asInt() : 0, draws.taken - before);
      x = step.sample();
      expected.at("model_input", i, input.toFloats());
      expected.at("model_output", i, output.toFloats());
      expected.at("prev_sample", i, x.toFloats());
      expected.at("pred_original_sample", i, step.denoised().toFloats());
    }
    expected.at("final", 0, x.toFloats());
  }

  /** Each call is given what the reference had, so that errors do not add up. */
  private void openLoop(JsonNode r, Expected expected, SchedulerRun run) {
    JsonNode atol = r.path("atol_open");
    float[] outputs = expected.file.floats(expected.prefix + "model_output");
    float[] samples = expected.file.floats(expected.prefix + "prev_sample");
    Draws draws = new Draws();
    float[] x = scaled(initialNoise, run.initNoiseSigma());
    for (int i = 0; i < run.calls(); i++) {
      SchedulerStep step = run.step(tensor(part(outputs, i)), i, tensor(x), draws);
      expected.at("prev_sample", i, step.sample().toFloats(), atol.path("prev_sample").asDouble());
      expected.at(
          "pred_original_sample",
          i,
          step.denoised().toFloats(),
          atol.path("pred_original_sample").asDouble());
      x = part(samples, i);
    }
    run.close();
  }

  private void imageToImage(JsonNode c, JsonNode r) {
    int steps = r.path("steps").asInt();
    try (GoldenFile file = GoldenFile.open(AREA, c.path("file").asString());
        SchedulerRun run = scheduler(c, complete(c)).start(steps)) {
      Expected expected = new Expected(r, c.path("name").asString() + ".img2img.", file);
      int first = Scheduler.firstCall(steps, r.path("strength").asDouble());
      assertEquals(r.path("calls").asInt(), run.calls() - first);
      double[] timesteps = run.timesteps();
      expected.equal("timesteps", Arrays.copyOfRange(timesteps, first, timesteps.length));
      Tensor start = run.addNoise(tensor(image), tensor(initialNoise), first);
      expected.at("start", 0, start.toFloats());
      closedLoop(r, expected, run, start, first);
    }
  }

  /** A sampler swapped in for the model's own makes up the same settings as diffusers does. */
  @TestFactory
  Stream<DynamicTest> swappedIn() {
    SchedulerConfig model =
        SchedulerConfig.parse(doc.path("sd15_scheduler_config").toString(), "SD1.5");
    return doc.path("cases")
        .valueStream()
        .filter(SchedulerGoldenTest::isBuilt)
        .map(
            c ->
                test(
                    c.path("name").asString(),
                    () -> {
                      SchedulerConfig swapped = model;
                      for (var override : c.path("overrides").properties()) {
                        swapped = with(swapped, override.getKey(), override.getValue());
                      }
                      assertArrayEquals(final20(c, complete(c)), final20(c, swapped));
                      if (c.path("overrides").isEmpty()) {
                        assertArrayEquals(
                            final20(c, complete(c)), final20(c, SchedulerConfig.sd15()));
                      }
                    }));
  }

  private float[] final20(JsonNode c, SchedulerConfig config) {
    try (SchedulerRun run = scheduler(c, config).start(20)) {
      Tensor x = tensor(scaled(initialNoise, run.initNoiseSigma()));
      NoiseSource draws = new Draws();
      for (int i = 0; i < run.calls(); i++) {
        float[] input = run.scaleModelInput(x, i).toFloats();
        x = run.step(tensor(denoise(input, run.timestep(i))), i, x, draws).sample();
      }
      return x.toFloats();
    }
  }

  @TestFactory
  Stream<DynamicTest> addNoise() {
    return doc.path("add_noise")
        .valueStream()
        .map(
            c -> {
              String name = c.path("name").asString();
              return isBuilt(c) ? test(name, () -> addNoise(c)) : skipped(name, c);
            });
  }

  private void addNoise(JsonNode c) {
    String name = c.path("name").asString();
    JsonNode same =
        doc.path("cases")
            .valueStream()
            .filter(other -> other.path("name").asString().equals(name))
            .findFirst()
            .orElseThrow();
    Scheduler scheduler = scheduler(same, complete(same));
    JsonNode steps = c.path("steps");
    try (GoldenFile file = GoldenFile.open(AREA, c.path("file").asString())) {
      String prefix = name + ".add_noise.";
      float[] timesteps = file.floats(prefix + "timesteps");
      int n = timesteps.length;
      float[] images = new float[n * N];
      for (int i = 0; i < n; i++) {
        System.arraycopy(image, 0, images, i * N, N);
      }
      Tensor clean = Tensors.of(device, images, n, 4, 8, 8);
      Tensor noises = Tensors.of(device, Arrays.copyOf(noise, n * N), n, 4, 8, 8);
      int[] places = new int[n];
      float[] noisy = new float[n * N];
      if (steps.isNull()) {
        for (int i = 0; i < n; i++) {
          places[i] = (int) timesteps[i];
        }
        noisy = scheduler.table().addNoise(clean, noises, places).toFloats();
      } else {
        try (SchedulerRun run = scheduler.start(steps.asInt())) {
          for (int i = 0; i < n; i++) {
            places[i] = callAt(run, timesteps[i]);
            Tensor one = run.addNoise(tensor(image), tensor(part(noise, i)), places[i]);
            System.arraycopy(one.toFloats(), 0, noisy, i * N, N);
          }
        }
      }
      assertAll(file.floats(prefix + "noisy"), noisy, c.path("atol").path("noisy").asDouble());
      if (file.has(prefix + "velocity")) {
        // With steps the reference looks its table up at the number of the call, not its timestep.
        float[] velocity = scheduler.table().velocity(clean, noises, places).toFloats();
        double atol = c.path("atol").path("velocity").asDouble();
        assertAll(file.floats(prefix + "velocity"), velocity, atol);
      }
    }
  }

  private static int callAt(SchedulerRun run, double timestep) {
    for (int i = 0; i < run.calls(); i++) {
      if (Math.abs(run.timestep(i) - timestep) < 1e-3) {
        return i;
      }
    }
    throw new AssertionError("no call at timestep " + timestep);
  }

  private static void assertAll(float[] want, float[] got, double atol) {
    assertEquals(want.length, got.length);
    for (int i = 0; i < want.length; i++) {
      assertClose(want[i], got[i], atol, "[" + i + "]");
    }
  }

  @Test
  void firstCallOfImageToImage() {
    for (JsonNode c : doc.path("img2img_first_index")) {
      int steps = c.path("steps").asInt();
      double strength = c.path("strength").asDouble();
      assertEquals(
          c.path("first").asInt(),
          Scheduler.firstCall(steps, strength),
          steps + " steps, strength " + strength);
    }
  }

  /**
   * The plain tables bit for bit. The rescaled ones take a square root, which PyTorch's vector
   * library does not round correctly in 3 of 1000 entries: they are held to the stated tolerance.
   */
  @Test
  void tables() {
    SchedulerConfig config =
        SchedulerConfig.parse(doc.path("sd15_scheduler_config").toString(), "SD1.5");
    NoiseTable plain = NoiseTable.of(config);
    NoiseTable zeroSnr = NoiseTable.of(config.with("rescale_betas_zero_snr", true));
    try (GoldenFile file = GoldenFile.open(AREA, "tables.safetensors")) {
      table(file, "betas", 0, plain.size(), plain::beta);
      table(file, "alphas_cumprod", 0, plain.size(), plain::alphaCumprod);
      JsonNode atol = doc.path("tables").path("atol");
      for (String key : List.of("zero_snr.betas", "zero_snr.alphas_cumprod")) {
        IntToDoubleFunction entry = key.endsWith("betas") ? zeroSnr::beta : zeroSnr::alphaCumprod;
        table(file, key, atol.path(key).asDouble(), zeroSnr.size(), entry);
      }
      assertEquals(0, zeroSnr.alphaCumprod(zeroSnr.size() - 1));
    }
  }

  private static void table(
      GoldenFile file, String key, double atol, int size, IntToDoubleFunction entry) {
    float[] want = file.floats(key);
    assertEquals(want.length, size);
    for (int t = 0; t < size; t++) {
      assertClose(want[t], entry.applyAsDouble(t), atol, key + "[" + t + "]");
    }
  }

  /** The registry's rows name the classes that the goldens have. */
  @Test
  void namesOfBuiltSamplers() {
    List<String> classes = doc.path("swapped_into_sd15").propertyNames().stream().toList();
    for (Schedulers.Entry entry : Schedulers.all()) {
      assertTrue(classes.contains(entry.className()), entry.className());
    }
  }
}
