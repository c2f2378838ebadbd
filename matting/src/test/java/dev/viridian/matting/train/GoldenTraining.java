package dev.viridian.matting.train;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.scheduler.NoiseTable;
import dev.viridian.diffusion.scheduler.SchedulerConfig;
import dev.viridian.diffusion.testing.GoldenModels;
import dev.viridian.diffusion.testing.Maps;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.diffusion.weights.Component;
import dev.viridian.diffusion.weights.MattingHeadConfig;
import dev.viridian.diffusion.weights.ModelConfigs;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Gradients;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.Contiguous;
import dev.viridian.engine.ops.Slice;
import dev.viridian.engine.testing.Golden;
import dev.viridian.engine.testing.GoldenDevices;
import dev.viridian.engine.testing.GoldenFile;
import dev.viridian.matting.head.MattingHead;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.opentest4j.TestAbortedException;
import tools.jackson.databind.JsonNode;

/** What the golden tests of training share: the tiny model, its batches, comparison by key. */
final class GoldenTraining {
  static final String AREA = "training";

  /** Of the case that runs. */
  static Device device = GoldenDevices.device();

  static final long GREEN = 1901;

  private GoldenTraining() {}

  /** The tiny model with formula weights, some of its networks to be trained. */
  static final class Model implements AutoCloseable {
    final ModelFiles files = GoldenModels.tiny("formula");
    final Networks networks;
    final NoiseTable table =
        NoiseTable.of(SchedulerConfig.parse(files.schedulerConfig().toString(), "golden"));

    Model(Set<Component> trained) {
      this(trained, GoldenModels.tinyConfigs());
    }

    Model(Set<Component> trained, ModelConfigs configs) {
      networks = new Networks(configs);
      networks.components().forEach(c -> networks.load(c, files, device));
      networks.train((component, name) -> trained.contains(component));
    }

    /** The name that the goldens give a parameter. */
    static String key(String name) {
      return name.replaceFirst("^text_encoder\\.", "text_encoder.text_model.");
    }

    /** The trained weights by the goldens' names. */
    Map<String, Tensor> weights(Component... components) {
      Map<String, Tensor> all = new LinkedHashMap<>();
      for (Component component : components) {
        networks.trainedWeights(component).forEach((name, t) -> all.put(key(name), t));
      }
      return all;
    }

    @Override
    public void close() {
      networks.close();
      files.close();
    }
  }

  /** The tiny model's configuration with another head. */
  static ModelConfigs withHead(
      MattingHeadConfig.Feature feature, MattingHeadConfig.Activation activation) {
    ModelConfigs c = GoldenModels.tinyConfigs();
    MattingHeadConfig h = c.mattingHead();
    return new ModelConfigs(
        c.unet(),
        c.vae(),
        c.textEncoder(),
        new MattingHeadConfig(h.inChannels(), h.hiddenChannels(), feature, activation));
  }

  /** The batch of a case, or some rows of it; encoded by the model's autoencoder. */
  static Batch batch(Networks networks, GoldenFile file, int from, int to) {
    long[] all = file.longs("input_ids");
    int rows = file.dims("input_ids")[0];
    long[][] ids = new long[rows][];
    for (int i = 0; i < rows; i++) {
      ids[i] = Arrays.copyOfRange(all, i * 77, (i + 1) * 77);
    }
    return batch(networks, file, ids, from, to);
  }

  static Batch batch(Networks networks, GoldenFile file, long[][] ids, int from, int to) {
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor x0 = scope.keep(rows(Maps.map(device, file, "x0"), from, to));
      Autoencoder.Distribution d = networks.autoencoder().encode(x0, LayerObserver.NONE);
      scope.keep(d.mean());
      scope.keep(d.logVariance());
      int[] times = file.ints("timesteps");
      long[][] some = Arrays.copyOfRange(ids, from, to);
      return new Batch(
          x0,
          scope.keep(rows(Maps.map(device, file, "M"), from, to)),
          d.mean(),
          d.logVariance(),
          scope.keep(rows(Maps.map(device, file, "posterior_noise"), from, to)),
          scope.keep(rows(Maps.map(device, file, "noise"), from, to)),
          Arrays.copyOfRange(times, from, to),
          some,
          positions(some));
    }
  }

  private static Tensor rows(Tensor t, int from, int to) {
    return Contiguous.of(Slice.of(t, 0, from, to));
  }

  static int[][] positions(long[][] ids) {
    int[][] positions = new int[ids.length][];
    for (int i = 0; i < ids.length; i++) {
      long[] row = ids[i];
      positions[i] = IntStream.range(0, row.length).filter(j -> row[j] == GREEN).toArray();
    }
    return positions;
  }

  /** The gradients of a loss by name, in the goldens' layout; zeros where there are none. */
  static Map<String, float[]> gradients(Map<String, Tensor> weights, Supplier<Tensor> loss) {
    Map<String, float[]> out = new LinkedHashMap<>();
    try (Tape tape = Tape.open();
        Gradients gradients = tape.gradients(loss.get())) {
      weights.forEach((name, t) -> out.put(name, values(gradients.get(t), t)));
    }
    return out;
  }

  static float[] values(Tensor gradient, Tensor like) {
    return gradient == null
        ? new float[Math.toIntExact(like.elements())]
        : Maps.channelsFirst(gradient);
  }

  static double norm(Iterable<float[]> parts) {
    double sum = 0;
    for (float[] part : parts) {
      for (float v : part) {
        sum += (double) v * v;
      }
    }
    return Math.sqrt(sum);
  }

  static MattingHead head(Model model) {
    return Objects.requireNonNull(model.networks.head());
  }

  /** Compares what was computed with a case, and says all that is off at once. */
  static final class Comparison {
    private final JsonNode c;
    private final GoldenFile file;
    private final List<String> wrong = new ArrayList<>();
    private int compared;
    private TestAbortedException lacking;

    Comparison(JsonNode c, GoldenFile file) {
      this.c = c;
      this.file = file;
    }

    void scalar(String key, double value) {
      JsonNode expected = c.get("scalars").get(key);
      if (expected == null) {
        return; // smaller cases state less
      }
      within(key, expected.get("value").asDouble(), value, expected.get("atol").asDouble());
    }

    private void within(String key, double expected, double value, double atol) {
      compared++;
      double off = Math.abs(value - expected);
      if (!(off <= atol)) {
        wrong.add(
            key + ": " + value + ", expected " + expected + ": off by " + off + ", atol " + atol);
      }
    }

    void tensor(String key, float[] values) {
      JsonNode expected = c.get("tensors").get(key);
      if (expected == null) {
        return;
      }
      compared++;
      try {
        Golden.assertWithin(key, file.floats(key), values, expected.get("atol").asDouble());
      } catch (AssertionError e) {
        wrong.add(e.getMessage());
      } catch (TestAbortedException e) {
        lacking = e; // the rest is compared all the same
      }
    }

    /** The norms of all parameters' gradients or changes. */
    void norms(String kind, Map<String, float[]> values) {
      JsonNode rows = Golden.json(AREA, c.get("norms").asString()).get(kind);
      for (Map.Entry<String, JsonNode> e : rows.properties()) {
        float[] got = values.get(e.getKey());
        if (got == null) {
          wrong.add(e.getKey() + ": not computed");
        } else if (!e.getValue().path("ill_conditioned").asBoolean(false)) {
          double norm = e.getValue().get("norm").asDouble();
          within(
              kind + " norm of " + e.getKey(),
              norm,
              norm(List.of(got)),
              e.getValue().get("atol").asDouble());
        }
      }
    }

    void done() {
      if (!wrong.isEmpty()) {
        throw new AssertionError(
            wrong.size() + " of " + compared + " are off:\n" + String.join("\n", wrong));
      }
      if (lacking != null) {
        throw lacking;
      }
      if (compared == 0) {
        throw new AssertionError("nothing compared");
      }
    }
  }
}
