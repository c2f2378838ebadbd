package dev.viridian.diffusion.unet;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.scheduler.SchedulerConfig;
import dev.viridian.diffusion.scheduler.SchedulerRun;
import dev.viridian.diffusion.scheduler.Schedulers;
import dev.viridian.diffusion.testing.GoldenModels;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.io.FormulaWeights;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.ModuleLoader;
import dev.viridian.engine.nn.PackedLayers;
import dev.viridian.engine.nn.Parameter;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.cpu.CpuOptions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** A layer whose weights have outliers: bytes would spoil it, so it is kept from them. */
class OutliersTest {
  private static final String BLOCK = "down_blocks.0.attentions.0.";
  private static final String WEIGHT = BLOCK + "proj_in.weight";
  private static final int CHANNEL = 5;
  private static final float FACTOR = 1000;
  private static final int STEPS = 4;

  /** A source of F32 some of whose tensors have other numbers. */
  private record Changed(WeightSource source, Map<String, float[]> values) implements WeightSource {
    @Override
    public String describe() {
      return source.describe();
    }

    @Override
    public Map<String, TensorInfo> tensors() {
      return source.tensors();
    }

    @Override
    public Map<String, String> metadata() {
      return source.metadata();
    }

    @Override
    public MemorySegment data(String name) {
      float[] other = values.get(name);
      return other == null
          ? source.data(name)
          : Arena.ofAuto().allocateFrom(ValueLayout.JAVA_FLOAT, other);
    }

    @Override
    public void read(String name, long byteOffset, MemorySegment dest) {
      if (values.containsKey(name)) {
        dest.copyFrom(data(name).asSlice(byteOffset, dest.byteSize()));
      } else {
        source.read(name, byteOffset, dest);
      }
    }

    @Override
    public void close() {}
  }

  /**
   * The same function with outliers: one channel leaves the norm smaller by as much as the weights
   * that meet it are larger.
   */
  private static Changed withOutliers(WeightSource source) {
    Map<String, float[]> values = new HashMap<>();
    for (String name : List.of(BLOCK + "norm.weight", BLOCK + "norm.bias", WEIGHT)) {
      values.put(name, source.data(name).toArray(ValueLayout.JAVA_FLOAT));
    }
    values.get(BLOCK + "norm.weight")[CHANNEL] /= FACTOR;
    values.get(BLOCK + "norm.bias")[CHANNEL] /= FACTOR;
    float[] weight = values.get(WEIGHT);
    int in = Math.toIntExact(source.info(WEIGHT).shape().get(1));
    for (int i = CHANNEL; i < weight.length; i += in) {
      weight[i] *= FACTOR;
    }
    return new Changed(source, values);
  }

  private static ModuleLoader.Precisions without(ModuleLoader.Precisions rules) {
    return new ModuleLoader.Precisions() {
      @Override
      public Precision of(String name, Parameter parameter) {
        return rules.of(name, parameter);
      }

      @Override
      public double mostLost() {
        return Double.POSITIVE_INFINITY;
      }
    };
  }

  /** A picture of four steps, 0 to 1, and which layers were kept. */
  private record Made(float[] picture, PackedLayers layers) {}

  @SuppressWarnings("try") // the scope closes what is made
  private static Made picture(
      ModelFiles files, WeightSource weights, Device device, ModuleLoader.Precisions precisions) {
    try (UNet unet = new UNet(files.configs().unet());
        Autoencoder vae = new Autoencoder(files.configs().vae());
        MemoryScope scope = MemoryScope.open();
        SchedulerRun run =
            Schedulers.create(
                    "ddim", SchedulerConfig.parse(files.schedulerConfig().toString(), "test"))
                .start(STEPS)) {
      ModuleLoader.load(unet, weights, device, null, precisions);
      ModuleLoader.load(vae, files.vae(), device, null);
      UNet.Context context = unet.context(values(device, "text", 1, 77, 32));
      UNet.Times times = unet.times(device, run.timesteps());
      Tensor x = values(device, "noise", 1, 8, 8, 4);
      for (int i = 0; i < run.calls(); i++) {
        Tensor input = run.scaleModelInput(x, i);
        Tensor noise = unet.forward(input, times, i, context, LayerObserver.NONE);
        x = run.step(noise, i, x, OutliersTest::noNoise).sample();
      }
      float[] picture = vae.decode(x, false, LayerObserver.NONE).picture().toFloats();
      for (int i = 0; i < picture.length; i++) {
        picture[i] = Math.clamp(picture[i] / 2 + 0.5f, 0, 1);
      }
      return new Made(picture, PackedLayers.of(unet));
    }
  }

  private static Tensor noNoise() {
    throw new IllegalStateException("DDIM with eta 0 draws no noise");
  }

  private static Tensor values(Device device, String key, long... sizes) {
    int count = 1;
    for (long size : sizes) {
      count *= (int) size;
    }
    float[] values = FormulaWeights.uniform(key, count);
    for (int i = 0; i < count; i++) {
      values[i] *= (float) Math.sqrt(3); // of variance 1
    }
    return Tensors.of(device, values, sizes);
  }

  private static double decibels(Made expected, Made actual) {
    double sum = 0;
    for (int i = 0; i < expected.picture.length; i++) {
      double d = expected.picture[i] - actual.picture[i];
      sum += d * d;
    }
    return 10 * Math.log10(expected.picture.length / Math.max(sum, 1e-12));
  }

  @Test
  void aLayerWithOutliersIsKeptFromBytes() {
    ModuleLoader.Precisions rules = UNet.precisions(Precision.INT8);
    try (Device device = Device.cpu(CpuOptions.defaults());
        Device single = Device.cpu(new CpuOptions(1, Map.of()));
        ModelFiles files = GoldenModels.tiny("formula")) {
      assumeTrue(device.kernels().packed().offers(Precision.INT8), "no int8 here");
      boolean pairs = device.kernels().packed().offers(Precision.BF16);
      WeightSource outliers = withOutliers(files.unet());
      ModuleLoader.Precisions exactly = UNet.precisions(Precision.F32);
      Made exact = picture(files, files.unet(), device, exactly);
      Made same = picture(files, outliers, device, exactly);
      assertEquals(PackedLayers.NONE, same.layers);
      assertTrue(decibels(exact, same) > 60, "the same function: " + decibels(exact, same));

      Made plain = picture(files, files.unet(), device, rules);
      assertEquals(List.of(), plain.layers.kept());
      int all = plain.layers.counts().get(Precision.INT8);
      Made kept = picture(files, outliers, device, rules);
      PackedLayers.Kept layer = kept.layers.kept().getFirst();
      assertEquals(1, kept.layers.kept().size(), kept.layers.toString());
      assertEquals(WEIGHT, layer.name());
      assertEquals(pairs ? Precision.BF16 : Precision.F32, layer.precision());
      assertTrue(layer.lost() > 0.5, kept.layers.toString());
      assertEquals(all - 1, kept.layers.counts().get(Precision.INT8));
      assertTrue(kept.layers.toString().contains("kept from int8: " + WEIGHT));

      Made spoilt = picture(files, outliers, device, without(rules));
      assertEquals(List.of(), spoilt.layers.kept());
      String decibels =
          String.format(
              Locale.ROOT,
              "int8 %.1f dB, with outliers %.1f, without the rule %.1f",
              decibels(exact, plain),
              decibels(exact, kept),
              decibels(exact, spoilt));
      assertTrue(decibels(exact, kept) >= 30, decibels);
      assertTrue(decibels(exact, spoilt) < 30, decibels);

      Made alone = picture(files, outliers, single, rules);
      assertEquals(kept.layers, alone.layers);
      assertArrayEquals(kept.picture, alone.picture);
    }
  }
}
