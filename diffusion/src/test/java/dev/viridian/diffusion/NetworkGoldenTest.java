package dev.viridian.diffusion;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.testing.GoldenModels;
import dev.viridian.diffusion.testing.Maps;
import dev.viridian.diffusion.text.ClipTextModel;
import dev.viridian.diffusion.unet.Columns;
import dev.viridian.diffusion.unet.UNet;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.io.FormulaWeights;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.ModuleLoader;
import dev.viridian.engine.ops.Add;
import dev.viridian.engine.ops.Exp;
import dev.viridian.engine.ops.LinearCombination;
import dev.viridian.engine.ops.Mul;
import dev.viridian.engine.testing.Golden;
import dev.viridian.engine.testing.GoldenArea;
import dev.viridian.engine.testing.GoldenDevices;
import dev.viridian.engine.testing.GoldenFile;
import dev.viridian.kernels.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;

/**
 * The networks against {@code sd-tiny/components}, layer by layer, in every kind of file; in
 * float32, as the goldens were computed.
 */
@GoldenArea("sd-tiny")
class NetworkGoldenTest {
  private static final String AREA = GoldenModels.COMPONENTS;

  /** Cases that run on every implementation that the machine has, not only on the chosen ones. */
  private static final List<String> ON_ALL =
      List.of("text_encoder.formula", "unet.formula.8x8_t500", "vae.formula.decode_8x8");

  /**
   * Cases that run on the emulated CUDA device too. It is slow: of several sizes and steps one
   * each, and of the columns of cross-attention those that are green.
   */
  private static final List<String> ON_CUDA =
      List.of(
          "text_encoder.formula",
          "time.formula",
          "unet.formula.8x8_t500",
          "unet_intermediates.formula",
          "cross_attention.formula.8x8",
          "vae.formula.decode_5x7",
          "vae.formula.encode_64x64",
          "vae_decoder_intermediates.formula",
          "vae_encoder_intermediates.formula",
          "time.float16",
          "vae.float16.encode_64x64");

  /** Of the case that runs. */
  private static Device device;

  /** The head is the matting module's and compared there; the last norm is fused with its SiLU. */
  private static final List<String> NOT_HERE = List.of("alpha", "conv_norm_out");

  private final JsonNode root = Golden.json(AREA, "cases.json");

  @TestFactory
  Stream<DynamicTest> cases() {
    Map<String, Device> devices = GoldenDevices.all();
    Device chosen = GoldenDevices.device();
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode c : root.get("cases")) {
      String name = c.get("name").asString();
      String weights = c.get("weights").asString();
      if (ON_CUDA.contains(name) && !GoldenDevices.forced()) {
        tests.add(
            dynamicTest(
                name + " [cuda, emulated]",
                () -> run(GoldenDevices.emulated(), c, () -> GoldenModels.tiny(weights))));
      }
      if (ON_ALL.contains(name)) {
        devices.forEach(
            (path, on) ->
                tests.add(
                    dynamicTest(
                        name + " [" + path + "]",
                        () -> run(on, c, () -> GoldenModels.tiny(weights)))));
        continue;
      }
      JsonNode files = root.get("weights").get(weights).path("files");
      if (files.isMissingNode()) {
        tests.add(dynamicTest(name, () -> run(chosen, c, () -> GoldenModels.tiny(weights))));
      }
      for (JsonNode file : files) {
        tests.add(
            dynamicTest(
                name + " [" + file.asString() + "]",
                () -> run(chosen, c, () -> ModelFiles.open(Golden.file(AREA, file.asString())))));
      }
    }
    return tests.stream();
  }

  @SuppressWarnings("try") // the scope closes what the case makes
  private void run(Device on, JsonNode c, Supplier<ModelFiles> opened) {
    device = on;
    long before = device.allocator().usage().used();
    try (MemoryScope scope = MemoryScope.open();
        GoldenFile file = GoldenFile.open(AREA, c.get("file").asString());
        ModelFiles model = opened.get()) {
      String name = c.get("name").asString();
      Map<String, float[]> got = new HashMap<>();
      if (name.startsWith("text_encoder")) {
        text(model, file, got);
      } else if (name.startsWith("time")) {
        time(model, file, got);
      } else if (name.startsWith("unet")) {
        unet(model, c, file, got);
      } else if (name.startsWith("cross_attention")) {
        crossAttention(model, c, file, got);
      } else if (name.startsWith("vae")) {
        vae(model, name, file, got);
      } else {
        whole(model, c, file, got);
      }
      int compared = 0;
      for (Map.Entry<String, JsonNode> e : c.get("outputs").properties()) {
        String key = e.getKey();
        if (got.containsKey(key)) {
          double atol = e.getValue().get("atol").asDouble();
          Golden.assertWithin(key, file.floats(key), got.get(key), atol);
          compared++;
        } else {
          boolean known =
              NOT_HERE.contains(afterPoint(key))
                  || GoldenDevices.isEmulated(device) && isOfAll(key);
          assertTrue(known, "not compared: " + key);
        }
      }
      assertTrue(compared > 0, "nothing compared");
    }
    assertEquals(before, device.allocator().usage().used(), "bytes still in use");
    GoldenDevices.requireSound(device);
  }

  private static boolean isOfAll(String key) {
    return key.endsWith(".mid_all_tokens");
  }

  private static String afterPoint(String key) {
    return key.substring(key.lastIndexOf('.') + 1);
  }

  /** The prefix of a case's keys: what its name ends in. */
  private static String prefix(JsonNode c) {
    return afterPoint(c.get("name").asString()) + ".";
  }

  private static LayerObserver recorder(Map<String, float[]> got) {
    return (module, value) -> got.put(module, Maps.channelsFirst(value));
  }

  private static ClipTextModel textModel(ModelFiles files) {
    ClipTextModel model = new ClipTextModel(files.configs().textEncoder());
    ModuleLoader.load(model, files.textEncoder(), device, DType.F32);
    return model;
  }

  private static UNet unet(ModelFiles files) {
    UNet model = new UNet(files.configs().unet());
    ModuleLoader.load(model, files.unet(), device, DType.F32);
    return model;
  }

  private static Autoencoder autoencoder(ModelFiles files) {
    Autoencoder model = new Autoencoder(files.configs().vae());
    ModuleLoader.load(model, files.vae(), device, DType.F32);
    return model;
  }

  private static void text(ModelFiles files, GoldenFile file, Map<String, float[]> got) {
    try (ClipTextModel model = textModel(files)) {
      Tensor ids = Tensors.of(device, file.longs("input_ids"), file.shape("input_ids"));
      got.put("last_hidden_state", model.forward(ids, 0, LayerObserver.NONE).toFloats());
      got.put("penultimate_final_norm", model.forward(ids, 1, LayerObserver.NONE).toFloats());
      int length = file.dims("input_ids")[1];
      long[] first = Arrays.copyOf(file.longs("input_ids"), length);
      model.forward(Tensors.of(device, first, 1, length), 0, recorder(got));
    }
  }

  private static void time(ModelFiles files, GoldenFile file, Map<String, float[]> got) {
    try (UNet unet = unet(files)) {
      double[] times = Arrays.stream(file.longs("timesteps")).asDoubleStream().toArray();
      got.put("sinusoid", unet.sinusoids(device, times).toFloats());
      got.put("time_embedding", unet.timeEmbedding(device, times).toFloats());
    }
  }

  private static void unet(
      ModelFiles files, JsonNode c, GoldenFile file, Map<String, float[]> got) {
    boolean layers = c.get("name").asString().startsWith("unet_intermediates");
    String prefix = layers ? "" : prefix(c);
    Tensor sample = Maps.map(device, file, prefix + "sample");
    String context = layers ? "encoder_hidden_states" : "context" + sample.size(0) + "x32";
    double time = c.get("inputs").get("timestep").asDouble();
    try (UNet unet = unet(files)) {
      Tensor text =
          file.has(context)
              ? Maps.plain(device, file, context)
              : formulaContext(context, sample.size(0));
      LayerObserver observer = layers ? recorder(got) : LayerObserver.NONE;
      Tensor eps = unet.forward(sample, unet.times(device, time), 0, unet.context(text), observer);
      got.put(prefix + "eps", Maps.channelsFirst(eps));
      got.put("time_embedding", unet.timeEmbedding(device, time).toFloats());
    }
  }

  private static Tensor formulaContext(String key, int batch) {
    float[] values = FormulaWeights.uniform(key, batch * 77 * 32);
    for (int i = 0; i < values.length; i++) {
      values[i] *= (float) Math.sqrt(3);
    }
    return Tensors.of(device, values, batch, 77, 32);
  }

  private static void crossAttention(
      ModelFiles files, JsonNode c, GoldenFile file, Map<String, float[]> got) {
    String prefix = prefix(c);
    double time = c.get("inputs").get("timestep").asDouble();
    JsonNode green = c.get("inputs").get("green_positions");
    try (ClipTextModel model = textModel(files);
        UNet unet = unet(files)) {
      Tensor ids = Tensors.of(device, file.longs(prefix + "input_ids"), 1, 77);
      Tensor text = model.forward(ids, 0, LayerObserver.NONE);
      Map<String, float[][]> columns = new HashMap<>();
      for (int j = 0; j < 77; j++) {
        if (GoldenDevices.isEmulated(device) && !isAmong(green, j)) {
          continue;
        }
        float[] weights = new float[77];
        weights[j] = 1;
        List<Tensor> maps = new ArrayList<>();
        Tensor eps =
            unet.forward(
                Maps.map(device, file, prefix + "sample"),
                unet.times(device, time),
                0,
                unet.context(text, Columns.of(Tensors.of(device, weights, 1, 77))),
                LayerObserver.NONE,
                maps);
        got.put(prefix + "eps", Maps.channelsFirst(eps));
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
            if (name.startsWith("mid_block") && !GoldenDevices.isEmulated(device)) {
              got.put(prefix + "mid_all_tokens", interleave(all));
            }
          });
    }
  }

  private static boolean isAmong(JsonNode positions, int j) {
    return positions.valueStream().anyMatch(p -> p.asInt() == j);
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

  private static void vae(
      ModelFiles files, String name, GoldenFile file, Map<String, float[]> got) {
    try (Autoencoder vae = autoencoder(files)) {
      if (name.startsWith("vae_decoder")) {
        Autoencoder.Decoded d = vae.decode(Maps.map(device, file, "input"), false, recorder(got));
        got.put("feature", Maps.channelsFirst(d.feature()));
      } else if (name.startsWith("vae_encoder")) {
        vae.encode(Maps.map(device, file, "input"), recorder(got));
      } else if (name.contains("decode")) {
        String prefix = afterPoint(name) + ".";
        Tensor latents = Maps.map(device, file, prefix + "latents");
        Autoencoder.Decoded d = vae.decode(latents, false, LayerObserver.NONE);
        float[] feature = Maps.channelsFirst(d.feature());
        got.put(prefix + "image", Maps.channelsFirst(d.picture()));
        got.put(prefix + "sampled_feature", Golden.sampled(feature, 1024));
      } else {
        String prefix = afterPoint(name) + ".";
        Tensor image = Maps.map(device, file, prefix + "image");
        Autoencoder.Distribution d = vae.encode(image, LayerObserver.NONE);
        Tensor half = LinearCombination.of(new double[] {0.5}, d.logVariance());
        Tensor noise = Maps.map(device, file, prefix + "noise");
        Tensor z = Add.of(d.mean(), Mul.of(Exp.of(half), noise));
        got.put(prefix + "mean", Maps.channelsFirst(d.mean()));
        got.put(prefix + "logvar", Maps.channelsFirst(d.logVariance()));
        Tensor scaled = LinearCombination.of(new double[] {vae.config().scalingFactor()}, z);
        got.put(prefix + "sample", Maps.channelsFirst(scaled));
      }
    }
  }

  /** One run through each network of a model. */
  private static void whole(
      ModelFiles files, JsonNode c, GoldenFile file, Map<String, float[]> got) {
    try (ClipTextModel model = textModel(files);
        UNet unet = unet(files);
        Autoencoder vae = autoencoder(files)) {
      Tensor ids = Tensors.of(device, file.longs("input_ids"), file.shape("input_ids"));
      Tensor text = model.forward(ids, 0, LayerObserver.NONE);
      got.put("last_hidden_state", text.toFloats());
      UNet.Times times = unet.times(device, c.get("inputs").get("timestep").asDouble());
      Tensor sample = Maps.map(device, file, "sample");
      Tensor eps = unet.forward(sample, times, 0, unet.context(text), LayerObserver.NONE);
      got.put("eps", Maps.channelsFirst(eps));
      Tensor latents = Maps.map(device, file, "latents");
      Autoencoder.Decoded decoded = vae.decode(latents, false, LayerObserver.NONE);
      got.put("image", Maps.channelsFirst(decoded.picture()));
      Tensor image = Maps.map(device, file, "encode_image");
      Tensor mean = vae.encode(image, LayerObserver.NONE).mean();
      got.put("mean", Maps.channelsFirst(mean));
    }
  }
}
