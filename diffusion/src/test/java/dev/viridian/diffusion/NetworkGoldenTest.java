package dev.viridian.diffusion;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.text.ClipTextModel;
import dev.viridian.diffusion.unet.UNet;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.diffusion.weights.UNetConfig;
import dev.viridian.diffusion.weights.VaeConfig;
import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.Module;
import dev.viridian.engine.nn.ModuleLoader;
import dev.viridian.engine.ops.Add;
import dev.viridian.engine.ops.Exp;
import dev.viridian.engine.ops.LinearCombination;
import dev.viridian.engine.ops.Mul;
import dev.viridian.engine.testing.Golden;
import dev.viridian.engine.testing.GoldenFile;
import dev.viridian.kernels.DType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;

/**
 * The networks against {@code sd-tiny/components}, layer by layer: with formula weights, and with
 * the weights of the model folder and of the single files, in float32 as the goldens were computed.
 */
@Tag("golden")
class NetworkGoldenTest {
  private static final String AREA = "sd-tiny/components";
  private static final Device DEVICE = Device.cpu();

  private final JsonNode root = Golden.json(AREA, "cases.json");
  private final JsonNode configs = root.get("weights").get("formula").get("configs");

  @TestFactory
  Stream<DynamicTest> cases() {
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode c : root.get("cases")) {
      String name = c.get("name").asString();
      JsonNode weights = root.get("weights").get(c.get("weights").asString());
      switch (weights.get("kind").asString()) {
        case "formula" -> tests.add(dynamicTest(name, () -> run(c, new FormulaNetworks(configs))));
        case "file" -> {
          List<JsonNode> files = new ArrayList<>();
          weights.path("files").forEach(files::add);
          if (weights.has("folder")) {
            files.add(weights.get("folder"));
          }
          assertFalse(files.isEmpty(), name);
          for (JsonNode file : files) {
            Path path = Golden.area(AREA).resolve(file.asString()).normalize();
            tests.add(
                dynamicTest(name + " " + path.getFileName(), () -> run(c, new FileNetworks(path))));
          }
        }
        default -> throw new AssertionError("weights of an unknown kind: " + weights);
      }
    }
    return tests.stream();
  }

  /** Networks with weights. */
  private interface Networks extends AutoCloseable {
    UNet unet();

    Autoencoder vae();

    ClipTextModel text();

    double scalingFactor();

    @Override
    void close();
  }

  /** Networks with weights that are computed from their names. */
  private record FormulaNetworks(JsonNode configs) implements Networks {
    @Override
    public UNet unet() {
      UNetConfig config = TestConfigs.unet(configs.get("unet"));
      return FormulaModules.fill(new UNet(config), "unet.", DEVICE);
    }

    @Override
    public Autoencoder vae() {
      VaeConfig config = TestConfigs.vae(configs.get("vae"));
      return FormulaModules.fill(new Autoencoder(config), "vae.", DEVICE);
    }

    @Override
    public ClipTextModel text() {
      return FormulaModules.fill(
          new ClipTextModel(TestConfigs.text(configs.get("text_encoder"))),
          "text_encoder.text_model.",
          DEVICE);
    }

    @Override
    public double scalingFactor() {
      return TestConfigs.vae(configs.get("vae")).scalingFactor();
    }

    @Override
    public void close() {}
  }

  /** Networks with the weights of a model on disk. */
  private static final class FileNetworks implements Networks {
    private final ModelFiles files;

    FileNetworks(Path path) {
      files = ModelFiles.open(path);
    }

    private static <M extends Module> M load(M module, WeightSource source) {
      ModuleLoader.load(module, source, DEVICE, DType.F32);
      return module;
    }

    @Override
    public UNet unet() {
      return load(new UNet(files.configs().unet()), files.unet());
    }

    @Override
    public Autoencoder vae() {
      return load(new Autoencoder(files.configs().vae()), files.vae());
    }

    @Override
    public ClipTextModel text() {
      return load(new ClipTextModel(files.configs().textEncoder()), files.textEncoder());
    }

    @Override
    public double scalingFactor() {
      return files.configs().vae().scalingFactor();
    }

    @Override
    public void close() {
      files.close();
    }
  }

  @SuppressWarnings("try") // the scope closes what the case makes
  private static void run(JsonNode c, Networks networks) {
    long before = DEVICE.allocator().usage().used();
    try (networks;
        MemoryScope scope = MemoryScope.open();
        GoldenFile file = GoldenFile.open(AREA, c.get("file").asString())) {
      String name = c.get("name").asString();
      Map<String, float[]> got = new HashMap<>();
      if (name.startsWith("text_encoder")) {
        text(networks, file, got);
      } else if (name.startsWith("time")) {
        time(networks, file, got);
      } else if (name.startsWith("unet")) {
        unet(c, networks, file, got);
      } else if (name.startsWith("cross_attention")) {
        crossAttention(c, networks, file, got);
      } else if (name.startsWith("single_file")) {
        singleFile(c, networks, file, got);
      } else {
        vae(name, networks, file, got);
      }
      int compared = 0;
      for (Map.Entry<String, JsonNode> e : c.get("outputs").properties()) {
        if (got.containsKey(e.getKey())) {
          compare(e.getKey(), file.floats(e.getKey()), got.get(e.getKey()), e.getValue());
          compared++;
        } else {
          assertTrue(NOT_HERE.contains(last(e.getKey())), "not compared: " + e.getKey());
        }
      }
      assertTrue(compared > 0, "nothing compared");
    }
    assertEquals(before, DEVICE.allocator().usage().used(), "bytes still in use");
  }

  /** The head is the matting module's and compared there; the last norm is fused with its SiLU. */
  private static final List<String> NOT_HERE = List.of("alpha", "conv_norm_out");

  private static String last(String key) {
    return key.substring(key.lastIndexOf('.') + 1);
  }

  private static void compare(String key, float[] expected, float[] actual, JsonNode tolerance) {
    double atol = tolerance.get("atol").asDouble();
    assertEquals(expected.length, actual.length, key);
    double worst = 0;
    for (int i = 0; i < expected.length; i++) {
      double difference = Math.abs((double) expected[i] - actual[i]);
      worst = Double.isNaN(difference) ? Double.POSITIVE_INFINITY : Math.max(worst, difference);
    }
    assertTrue(worst <= atol, key + ": off by " + worst + ", atol " + atol);
  }

  private static LayerObserver recorder(Map<String, float[]> got) {
    return (module, value) -> got.put(module, FormulaModules.channelsFirst(value));
  }

  private static void text(ClipTextModel model, GoldenFile file, Map<String, float[]> got) {
    long[] shape = file.shape("input_ids");
    Tensor ids = Tensors.of(DEVICE, file.longs("input_ids"), shape);
    got.put("last_hidden_state", model.forward(ids, 0, LayerObserver.NONE).toFloats());
    got.put("penultimate_final_norm", model.forward(ids, 1, LayerObserver.NONE).toFloats());
    Tensor first = Tensors.of(DEVICE, java.util.Arrays.copyOf(file.longs("input_ids"), 77), 1, 77);
    model.forward(first, 0, recorder(got));
  }

  private static void text(Networks networks, GoldenFile file, Map<String, float[]> got) {
    try (ClipTextModel model = networks.text()) {
      text(model, file, got);
    }
  }

  private static void time(Networks networks, GoldenFile file, Map<String, float[]> got) {
    try (UNet unet = networks.unet()) {
      double[] times = java.util.Arrays.stream(file.longs("timesteps")).asDoubleStream().toArray();
      got.put("sinusoid", unet.sinusoids(DEVICE, times).toFloats());
      got.put("time_embedding", unet.timeEmbedding(DEVICE, times).toFloats());
    }
  }

  private static Tensor map(GoldenFile file, String key) {
    return FormulaModules.channelsLast(DEVICE, file.floats(key), file.shape(key));
  }

  private static Tensor plain(GoldenFile file, String key) {
    return Tensors.of(DEVICE, file.floats(key), file.shape(key));
  }

  private static void unet(
      JsonNode c, Networks networks, GoldenFile file, Map<String, float[]> got) {
    boolean layers = c.get("name").asString().startsWith("unet_intermediates");
    String prefix = layers ? "" : last(c.get("name").asString()) + ".";
    Tensor sample = map(file, prefix + "sample");
    String context = layers ? "encoder_hidden_states" : "context" + sample.size(0) + "x32";
    double time = c.get("inputs").get("timestep").asDouble();
    try (UNet unet = networks.unet()) {
      Tensor text =
          file.has(context) ? plain(file, context) : formulaContext(context, sample.size(0));
      Tensor eps =
          unet.forward(
              sample,
              unet.times(DEVICE, time),
              0,
              unet.context(text),
              layers ? recorder(got) : LayerObserver.NONE);
      got.put(prefix + "eps", FormulaModules.channelsFirst(eps));
      got.put("time_embedding", unet.timeEmbedding(DEVICE, time).toFloats());
    }
  }

  private static Tensor formulaContext(String key, int batch) {
    float[] values = dev.viridian.engine.io.FormulaWeights.uniform(key, batch * 77 * 32);
    for (int i = 0; i < values.length; i++) {
      values[i] *= (float) Math.sqrt(3);
    }
    return Tensors.of(DEVICE, values, batch, 77, 32);
  }

  private static void crossAttention(
      JsonNode c, Networks networks, GoldenFile file, Map<String, float[]> got) {
    String prefix = last(c.get("name").asString()) + ".";
    double time = c.get("inputs").get("timestep").asDouble();
    JsonNode green = c.get("inputs").get("green_positions");
    try (ClipTextModel model = networks.text();
        UNet unet = networks.unet()) {
      Tensor ids = Tensors.of(DEVICE, file.longs(prefix + "input_ids"), 1, 77);
      Tensor text = model.forward(ids, 0, LayerObserver.NONE);
      Map<String, float[][]> columns = new HashMap<>();
      for (int j = 0; j < 77; j++) {
        float[] weights = new float[77];
        weights[j] = 1;
        List<Tensor> maps = new ArrayList<>();
        Tensor eps =
            unet.forward(
                map(file, prefix + "sample"),
                unet.times(DEVICE, time),
                0,
                unet.context(text, Tensors.of(DEVICE, weights, 1, 77)),
                LayerObserver.NONE,
                maps);
        got.put(prefix + "eps", FormulaModules.channelsFirst(eps));
        for (int l = 0; l < maps.size(); l++) {
          columns.computeIfAbsent(unet.crossAttentionNames().get(l), k -> new float[77][])[j] =
              maps.get(l).toFloats();
        }
      }
      columns.forEach(
          (name, all) -> {
            float[][] chosen = new float[green.size()][];
            for (int i = 0; i < chosen.length; i++) {
              chosen[i] = all[green.get(i).asInt()];
            }
            got.put(prefix + name, interleave(chosen));
            if (name.startsWith("mid_block")) {
              got.put(prefix + "mid_all_tokens", interleave(all));
            }
          });
    }
  }

  private static float[] interleave(float[][] columns) {
    float[] out = new float[columns.length * columns[0].length];
    for (int j = 0; j < columns.length; j++) {
      for (int n = 0; n < columns[j].length; n++) {
        out[n * columns.length + j] = columns[j][n];
      }
    }
    return out;
  }

  private static void singleFile(
      JsonNode c, Networks networks, GoldenFile file, Map<String, float[]> got) {
    double time = c.get("inputs").get("timestep").asDouble();
    try (ClipTextModel model = networks.text();
        UNet unet = networks.unet();
        Autoencoder vae = networks.vae()) {
      Tensor ids = Tensors.of(DEVICE, file.longs("input_ids"), file.shape("input_ids"));
      Tensor text = model.forward(ids, 0, LayerObserver.NONE);
      got.put("last_hidden_state", text.toFloats());
      Tensor eps =
          unet.forward(
              map(file, "sample"),
              unet.times(DEVICE, time),
              0,
              unet.context(text),
              LayerObserver.NONE);
      got.put("eps", FormulaModules.channelsFirst(eps));
      Autoencoder.Decoded decoded = vae.decode(map(file, "latents"), false, LayerObserver.NONE);
      got.put("image", FormulaModules.channelsFirst(decoded.picture()));
      Autoencoder.Distribution encoded = vae.encode(map(file, "encode_image"), LayerObserver.NONE);
      got.put("mean", FormulaModules.channelsFirst(encoded.mean()));
    }
  }

  private static void vae(
      String name, Networks networks, GoldenFile file, Map<String, float[]> got) {
    try (Autoencoder vae = networks.vae()) {
      if (name.startsWith("vae_decoder")) {
        Autoencoder.Decoded d = vae.decode(map(file, "input"), false, recorder(got));
        got.put("feature", FormulaModules.channelsFirst(d.feature()));
      } else if (name.startsWith("vae_encoder")) {
        vae.encode(map(file, "input"), recorder(got));
      } else if (name.contains("decode")) {
        String prefix = last(name) + ".";
        Autoencoder.Decoded d =
            vae.decode(map(file, prefix + "latents"), false, LayerObserver.NONE);
        got.put(prefix + "image", FormulaModules.channelsFirst(d.picture()));
        got.put(prefix + "sampled_feature", sampled(FormulaModules.channelsFirst(d.feature())));
      } else {
        String prefix = last(name) + ".";
        Autoencoder.Distribution d = vae.encode(map(file, prefix + "image"), LayerObserver.NONE);
        Tensor half = LinearCombination.of(new double[] {0.5}, d.logVariance());
        Tensor z = Add.of(d.mean(), Mul.of(Exp.of(half), map(file, prefix + "noise")));
        got.put(prefix + "mean", FormulaModules.channelsFirst(d.mean()));
        got.put(prefix + "logvar", FormulaModules.channelsFirst(d.logVariance()));
        Tensor scaled = LinearCombination.of(new double[] {networks.scalingFactor()}, z);
        got.put(prefix + "sample", FormulaModules.channelsFirst(scaled));
      }
    }
  }

  private static float[] sampled(float[] all) {
    float[] out = new float[1024];
    for (int k = 0; k < out.length; k++) {
      out[k] = all[(int) (k * 2654435761L % all.length)];
    }
    return out;
  }
}
