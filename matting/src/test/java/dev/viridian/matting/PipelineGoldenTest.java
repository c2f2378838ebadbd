package dev.viridian.matting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.viridian.diffusion.pipeline.Cancellation;
import dev.viridian.diffusion.pipeline.GenerationListener;
import dev.viridian.diffusion.pipeline.TextToImage;
import dev.viridian.diffusion.scheduler.SchedulerRun;
import dev.viridian.diffusion.scheduler.Schedulers;
import dev.viridian.diffusion.testing.GoldenModels;
import dev.viridian.engine.Device;
import dev.viridian.engine.random.TorchRandom;
import dev.viridian.engine.testing.Golden;
import dev.viridian.engine.testing.GoldenArea;
import dev.viridian.engine.testing.GoldenDevices;
import dev.viridian.engine.testing.GoldenFile;
import dev.viridian.matting.image.Images;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;

/** Whole runs with the tiny model: latents, picture, mask and pixels as the reference has them. */
@GoldenArea("pipeline")
class PipelineGoldenTest {
  private static final String AREA = "pipeline";
  private static final String KARRAS = "-karras";

  /** The case that runs on every implementation that the machine has, not only the chosen ones. */
  private static final String ON_ALL = "pndm_4_cfg1";

  /** The case that runs on the emulated CUDA device too: it takes seconds where others take ms. */
  private static final String ON_CUDA = "ddim_5_clip_skip";

  @TestFactory
  Stream<DynamicTest> cases() {
    JsonNode doc = Golden.json(AREA, "cases.json");
    DiffuMatting chosen = DiffuMatting.load(GoldenModels.tiny(), GoldenDevices.device(), null);
    List<DiffuMatting> models = new ArrayList<>(List.of(chosen));
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode c : doc.get("cases")) {
      String name = c.get("name").asString();
      if (name.equals(ON_CUDA) && !GoldenDevices.forced()) {
        tests.add(dynamicTest(name + " [cuda, emulated]", () -> runEmulated(c)));
      }
      if (!name.equals(ON_ALL)) {
        tests.add(dynamicTest(name, () -> run(chosen, c)));
        continue;
      }
      GoldenDevices.all()
          .forEach(
              (path, device) -> {
                DiffuMatting model = DiffuMatting.load(GoldenModels.tiny(), device, null);
                models.add(model);
                tests.add(dynamicTest(name + " [" + path + "]", () -> run(model, c)));
              });
    }
    return tests.stream().onClose(() -> models.forEach(DiffuMatting::close));
  }

  private static void runEmulated(JsonNode c) throws IOException {
    Device device = GoldenDevices.emulated();
    long before = device.allocator().usage().used();
    try (DiffuMatting model = DiffuMatting.load(GoldenModels.tiny(), device, null)) {
      run(model, c);
    }
    assertEquals(before, device.allocator().usage().used(), "bytes still in use");
    GoldenDevices.requireSound(device);
  }

  static TextToImage request(JsonNode c) {
    String sampler = c.get("scheduler").asString().replace('_', '-');
    boolean karras = sampler.endsWith(KARRAS);
    if (karras) {
      sampler = sampler.substring(0, sampler.length() - KARRAS.length());
    }
    String name = sampler;
    Assumptions.assumeTrue(
        Schedulers.find(name).isPresent(), () -> "sampler " + name + " is not built");
    return TextToImage.of(c.get("prompt").asString())
        .negative(c.path("negative_prompt").asString(""))
        .size(c.get("width").asInt(), c.get("height").asInt())
        .steps(c.get("steps").asInt())
        .guidance(c.get("cfg").asDouble())
        .sampler(name)
        .schedule(karras ? "karras" : "default", null)
        .eta(c.has("eta") ? c.get("eta").asDouble() : null)
        .skipLayers(c.path("diffusers_clip_skip").asInt(0))
        .batch(c.path("images").asInt(1));
  }

  private static void run(DiffuMatting model, JsonNode c) throws IOException {
    String task = c.get("task").asString();
    Assumptions.assumeTrue(task.equals("txt2img"), () -> "task " + task + " is not built");
    TextToImage request = request(c);
    try (GoldenFile file = GoldenFile.open(AREA, c.get("file").asString())) {
      times(model, request, c.get("unet_timesteps"));
      List<TorchRandom> generators = new ArrayList<>();
      c.get("seeds").forEach(seed -> generators.add(new TorchRandom(seed.asLong())));
      DiffuMatting.Result result =
          model.generateFrom(
              request, generators, true, GenerationListener.NONE, new Cancellation());

      compare(c, file, "latents", result.latents());
      compare(c, file, "mask", join(result.cutouts().stream().map(Cutout::alpha).toList()));
      if (c.get("outputs").get("decoded").path("stored").asBoolean(true)) {
        List<float[]> decoded =
            result.cutouts().stream().map(cutout -> planes(cutout.decoded())).toList();
        compare(c, file, "decoded", join(decoded));
      }
      int most = c.get("png_max_level_difference").asInt();
      for (int i = 0; i < result.cutouts().size(); i++) {
        Cutout cutout = result.cutouts().get(i);
        byte[] alpha = Images.toBytes(cutout.alpha());
        pixels(c.get("rgba").get(i).asString(), cutout.greenPixels(), alpha, most);
        if (c.has("png")) {
          pixels(c.get("png").get(i).asString(), cutout.greenPixels(), null, most);
        }
      }
    }
  }

  /** The time steps that the network is evaluated at. */
  private static void times(DiffuMatting model, TextToImage request, JsonNode expected) {
    try (SchedulerRun run = model.diffusion().scheduler(request).start(request.steps())) {
      double[] want = expected.valueStream().mapToDouble(JsonNode::asDouble).toArray();
      assertEquals(want.length, run.calls());
      for (int i = 0; i < want.length; i++) {
        assertEquals(want[i], run.timestep(i), 1e-3, "time step of call " + i);
      }
    }
  }

  private static void compare(JsonNode c, GoldenFile file, String key, float[] got) {
    double atol = c.get("outputs").get(key).get("atol").asDouble();
    Golden.assertWithin(key, file.floats(key), got, atol);
  }

  /** [h, w, 3] as [3, h, w]. */
  private static float[] planes(float[] pixels) {
    int n = pixels.length / 3;
    float[] planes = new float[pixels.length];
    for (int i = 0; i < pixels.length; i++) {
      planes[i % 3 * n + i / 3] = pixels[i];
    }
    return planes;
  }

  private static float[] join(List<float[]> parts) {
    float[] all = new float[parts.stream().mapToInt(p -> p.length).sum()];
    int at = 0;
    for (float[] part : parts) {
      System.arraycopy(part, 0, all, at, part.length);
      at += part.length;
    }
    return all;
  }

  /** Compares the pixels of a PNG, and where there is one its alpha. */
  private static void pixels(String name, byte[] rgb, byte[] alpha, int most) throws IOException {
    BufferedImage image = ImageIO.read(Golden.file(AREA, name).toFile());
    int[] samples =
        image.getRaster().getPixels(0, 0, image.getWidth(), image.getHeight(), (int[]) null);
    int bands = alpha == null ? 3 : 4;
    assertEquals(bands, image.getRaster().getNumBands(), name);
    byte[] all = alpha == null ? rgb : interleave(rgb, alpha);
    assertEquals(samples.length, all.length, name);
    int worst = 0;
    for (int i = 0; i < samples.length; i++) {
      worst = Math.max(worst, Math.abs(samples[i] - (all[i] & 0xff)));
    }
    assertTrue(worst <= most, name + ": off by " + worst + " levels, at most " + most);
  }

  private static byte[] interleave(byte[] rgb, byte[] alpha) {
    byte[] all = Arrays.copyOf(rgb, 4 * alpha.length);
    for (int i = 0; i < alpha.length; i++) {
      System.arraycopy(rgb, 3 * i, all, 4 * i, 3);
      all[4 * i + 3] = alpha[i];
    }
    return all;
  }
}
