package dev.viridian.matting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.sun.management.OperatingSystemMXBean;
import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.pipeline.Cancellation;
import dev.viridian.diffusion.pipeline.GenerationListener;
import dev.viridian.diffusion.pipeline.StableDiffusion;
import dev.viridian.diffusion.pipeline.TextToImage;
import dev.viridian.diffusion.testing.GoldenModels;
import dev.viridian.diffusion.testing.Maps;
import dev.viridian.diffusion.unet.UNet;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.diffusion.weights.FormulaModel;
import dev.viridian.diffusion.weights.ModelConfigs;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.io.FormulaWeights;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.ModuleLoader;
import dev.viridian.engine.testing.Golden;
import dev.viridian.engine.testing.GoldenArea;
import dev.viridian.engine.testing.GoldenDevices;
import dev.viridian.engine.testing.GoldenFile;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.jit.CpuFeatures;
import dev.viridian.matting.head.MattingHead;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;

/** The networks at the size of Stable Diffusion 1.5, with formula weights: no file is needed. */
@GoldenArea("sd-full")
class FullSizeGoldenTest {
  private static final String AREA = "sd-full";
  private static final int SAMPLED = 1024;
  private static final Pattern EVERY = Pattern.compile("(.*)_every(\\d+)");

  /** Weights of 4.3 GB, maps of 1.5 GB, and what else runs. */
  private static final long NEEDED_BYTES = 8_000_000_000L;

  /**
   * Maps within a network may be so many times their tolerance away, where convolutions are done by
   * minimal filtering (ten times would be allowed): 1.06 times with AVX2. With AVX-512 they are
   * held to the tolerance itself, as what networks give is everywhere.
   */
  private static final double INSIDE =
      CpuFeatures.here().labels().contains("avx512f") && !GoldenDevices.forced() ? 1 : 1.5;

  private static final Device DEVICE = GoldenDevices.device();

  @TestFactory
  Stream<DynamicTest> cases() {
    JsonNode doc = Golden.json(AREA, "cases.json");
    long memory =
        ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
    Assumptions.assumeTrue(
        memory >= NEEDED_BYTES,
        () -> "needs " + NEEDED_BYTES / 1e9 + " GB of memory, this machine has " + memory / 1e9);
    ModelConfigs configs = GoldenModels.configs(doc.get("weights").get("configs"));
    assertEquals(ModelConfigs.sd15(), configs);
    ModelFiles files = new FormulaModel(configs, DType.F32).open(Golden.area("tokenizer"));
    DiffuMatting model = DiffuMatting.load(files, DEVICE, null);
    model.diffusion().autoencoder(); // loaded when first asked for: nothing that a case leaves
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode c : doc.get("cases")) {
      tests.add(dynamicTest(c.get("name").asString(), () -> run(model, c)));
    }
    return tests.stream()
        .onClose(
            () -> {
              model.close();
              DEVICE.allocator().trim();
            });
  }

  @SuppressWarnings("try") // the scope closes what the case makes
  private static void run(DiffuMatting model, JsonNode c) throws IOException {
    String name = c.get("name").asString();
    long before = DEVICE.allocator().usage().used();
    try (MemoryScope scope = MemoryScope.open();
        GoldenFile file = GoldenFile.open(AREA, c.get("file").asString())) {
      Map<String, float[]> got = new HashMap<>();
      if (name.startsWith("text_encoder")) {
        Tensor ids = Tensors.of(DEVICE, file.longs("input_ids"), file.shape("input_ids"));
        Tensor state = model.diffusion().textEncoder().forward(ids, 0, LayerObserver.NONE);
        got.put("last_hidden_state", state.toFloats());
      } else if (name.startsWith("unet")) {
        unet(model.diffusion().unet(), c, got);
      } else if (name.startsWith("vae_decode")) {
        decode(model.diffusion(), c, file, got);
      } else if (name.startsWith("vae_encode")) {
        encode(model.diffusion().autoencoder(), c, got);
      } else {
        trajectory(model, c, got);
      }
      for (Map.Entry<String, JsonNode> e : c.get("outputs").properties()) {
        String key = e.getKey();
        if (!file.has(key) && c.has("png")) {
          continue; // stored as the picture alone
        }
        assertTrue(got.containsKey(key), () -> "not compared: " + key);
        double atol = e.getValue().get("atol").asDouble();
        boolean inside = key.startsWith("sampled.");
        Golden.assertWithin(key, file.floats(key), got.get(key), inside ? INSIDE * atol : atol);
      }
    }
    assertEquals(before, DEVICE.allocator().usage().used(), "bytes still in use");
  }

  /** Keeps the modules that the case has, at its positions. */
  private static LayerObserver recorder(JsonNode c, Map<String, float[]> got) {
    return (module, value) -> {
      String key = "sampled." + module;
      if (c.get("outputs").has(key)) {
        got.put(key, Golden.sampled(Maps.channelsFirst(value), SAMPLED));
      }
    };
  }

  /** The rows and columns that the case has of a map [1, h, w, c], under each name that it has. */
  private static void every(JsonNode c, String name, Tensor value, Map<String, float[]> got) {
    float[] all = Maps.channelsFirst(value);
    int h = value.size(1);
    int w = value.size(2);
    for (String key : c.get("outputs").propertyNames()) {
      Matcher m = EVERY.matcher(key);
      if (key.equals(name)) {
        got.put(key, all);
      } else if (m.matches() && m.group(1).equals(name)) {
        got.put(key, every(all, h, w, Integer.parseInt(m.group(2))));
      }
    }
  }

  private static float[] every(float[] all, int h, int w, int by) {
    int planes = all.length / (h * w);
    float[] out = new float[planes * (h / by) * (w / by)];
    int at = 0;
    for (int p = 0; p < planes; p++) {
      for (int y = 0; y < h; y += by) {
        for (int x = 0; x < w; x += by) {
          out[at++] = all[(p * h + y) * w + x];
        }
      }
    }
    return out;
  }

  private static void unet(UNet unet, JsonNode c, Map<String, float[]> got) {
    double time = c.get("inputs").get("timestep").asDouble();
    try (GoldenFile inputs = GoldenFile.open(AREA, "unet_inputs.safetensors");
        GoldenFile text = GoldenFile.open(AREA, "text_encoder.safetensors")) {
      UNet.Context context = unet.context(Maps.plain(DEVICE, text, "last_hidden_state"));
      Tensor eps =
          unet.forward(
              Maps.map(DEVICE, inputs, "sample"),
              unet.times(DEVICE, time),
              0,
              context,
              recorder(c, got));
      got.put("eps", Maps.channelsFirst(eps));
      got.put("time_embedding", unet.timeEmbedding(DEVICE, time).toFloats());
    }
  }

  private static void decode(
      StableDiffusion model, JsonNode c, GoldenFile file, Map<String, float[]> got) {
    Autoencoder vae = model.autoencoder();
    ModelFiles files = model.files();
    try (MattingHead head = new MattingHead(files.configs().mattingHead())) {
      assertNotNull(files.mattingHead());
      ModuleLoader.load(head, files.mattingHead(), DEVICE, null);
      Autoencoder.Decoded d =
          vae.decode(Maps.map(DEVICE, file, "latents"), false, recorder(c, got));
      recorder(c, got).output("feature", d.feature());
      every(c, "image", d.picture(), got);
      every(c, "alpha", head.forward(d.feature()), got);
    }
  }

  private static void encode(Autoencoder vae, JsonNode c, Map<String, float[]> got) {
    float[] image = image(512);
    JsonNode first = c.get("image_first_values");
    for (int i = 0; i < first.size(); i++) {
      assertEquals(first.get(i).asDouble(), image[i], 1e-6, "image[" + i + "]");
    }
    Tensor input = Maps.channelsLast(DEVICE, image, 1, 3, 512, 512);
    Autoencoder.Distribution d = vae.encode(input, recorder(c, got));
    every(c, "mean", d.mean(), got);
    every(c, "logvar", d.logVariance(), got);
  }

  /** {@code 0.7 bilinear(u("sd-full/image", [1,3,8,8])) + 0.3 u("sd-full/image-fine")}. */
  private static float[] image(int side) {
    int cells = 8;
    float[] coarse = FormulaWeights.uniform("sd-full/image", 3 * cells * cells);
    float[] fine = FormulaWeights.uniform("sd-full/image-fine", 3 * side * side);
    for (int p = 0; p < 3; p++) {
      for (int y = 0; y < side; y++) {
        for (int x = 0; x < side; x++) {
          double v = Math.max(0, (y + 0.5) * cells / side - 0.5);
          double u = Math.max(0, (x + 0.5) * cells / side - 0.5);
          int row = (int) v;
          int column = (int) u;
          int nextRow = Math.min(row + 1, cells - 1);
          int nextColumn = Math.min(column + 1, cells - 1);
          double top = mix(coarse, (p * cells + row) * cells, column, nextColumn, u - column);
          double bottom =
              mix(coarse, (p * cells + nextRow) * cells, column, nextColumn, u - column);
          int at = (p * side + y) * side + x;
          fine[at] = (float) (0.7 * (top + (v - row) * (bottom - top)) + 0.3 * fine[at]);
        }
      }
    }
    return fine;
  }

  private static double mix(float[] values, int row, int left, int right, double share) {
    return values[row + left] + share * (values[row + right] - values[row + left]);
  }

  private static void trajectory(DiffuMatting model, JsonNode c, Map<String, float[]> got)
      throws IOException {
    JsonNode inputs = c.get("inputs");
    TextToImage request =
        TextToImage.of(inputs.get("prompt").asString())
            .negative(inputs.get("negative_prompt").asString())
            .size(inputs.get("width").asInt(), inputs.get("height").asInt())
            .steps(inputs.get("steps").asInt())
            .guidance(inputs.get("cfg").asDouble())
            .sampler("ddim");
    DiffuMatting.Result result =
        model.generate(
            request,
            List.of(inputs.get("seed").asLong()),
            GenerationListener.NONE,
            new Cancellation());
    Cutout cutout = result.cutouts().getFirst();
    int h = cutout.height();
    int w = cutout.width();
    got.put("final_latents", result.latents());
    every(c, "alpha", Tensors.of(DEVICE, cutout.alpha(), 1, h, w, 1), got);

    BufferedImage image = ImageIO.read(Golden.file(AREA, c.get("png").asString()).toFile());
    int[] samples = image.getRaster().getPixels(0, 0, w, h, (int[]) null);
    int bands = image.getRaster().getNumBands();
    byte[] pixels = cutout.greenPixels();
    int worst = 0;
    for (int i = 0; i < h * w; i++) {
      for (int b = 0; b < 3; b++) {
        worst = Math.max(worst, Math.abs(samples[bands * i + b] - (pixels[3 * i + b] & 0xff)));
      }
    }
    int most = c.get("png_max_level_difference").asInt();
    assertTrue(worst <= most, "picture off by " + worst + " levels, at most " + most);
  }
}
