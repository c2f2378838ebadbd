package dev.viridian.matting.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.diffusion.weights.Component;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.io.Safetensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.matting.image.Images;
import dev.viridian.matting.train.Networks;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/**
 * The autoencoder that a run leaves: latents centred, reconstructions those of what was trained.
 */
class FoldedLatentsTest {
  private static final int CHANNELS = 4;

  @TempDir Path dir;

  private static void ok(List<String> args) {
    Run run = Run.of(args.toArray(String[]::new));
    assertEquals(0, run.code(), run.err());
  }

  private List<String> train(Path data, Path output, int steps, String... more) throws IOException {
    List<String> args =
        new ArrayList<>(
            List.of(
                "train",
                "--stage=vae",
                "--train-data-dir=" + data,
                "--output=" + output,
                "--config=" + TinyData.config(dir),
                "--train-batch-size=2",
                "--max-train-steps=" + steps,
                "--checkpointing-steps=3",
                "--learning-rate=1e-2",
                "--ema",
                "--ema-decay=0.5",
                "--seed=7",
                "--threads=1"));
    args.addAll(List.of(more));
    return args;
  }

  /** The networks of a folder, and on them the average of a checkpoint if one is given. */
  private static Networks networks(ModelFiles files, Device device, @Nullable Path average) {
    Networks networks = new Networks(files.configs());
    networks.load(Component.VAE, files, device);
    if (average != null) {
      networks.train((component, name) -> component == Component.VAE);
      try (Safetensors ema = Safetensors.open(average)) {
        networks
            .trainedWeights(Component.VAE)
            .forEach((name, weight) -> weight.upload(ema.data(name)));
      }
    }
    return networks;
  }

  private record Measured(float[] reconstruction, double[] mean, double[] deviation) {}

  /** Encodes and decodes every picture of a data set with one noise. */
  @SuppressWarnings("try") // the scope closes what is made in it
  private static Measured measured(Autoencoder autoencoder, Device device, Path data)
      throws IOException {
    List<Path> pictures;
    try (Stream<Path> list = Files.list(data.resolve("images"))) {
      pictures = list.sorted().toList();
    }
    BufferedImage first = ImageIO.read(pictures.getFirst().toFile());
    int side = first.getWidth();
    float[] rgb = new float[pictures.size() * side * side * 3];
    for (int i = 0; i < pictures.size(); i++) {
      float[] one = Images.rgb(ImageIO.read(pictures.get(i).toFile()));
      for (int p = 0; p < one.length; p++) {
        rgb[i * one.length + p] = 2 * one[p] - 1;
      }
    }
    double[] mean = new double[CHANNELS];
    double[] deviation = new double[CHANNELS];
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor x = Tensors.of(device, rgb, pictures.size(), side, side, 3);
      Autoencoder.Distribution d = autoencoder.encode(x, LayerObserver.NONE);
      int n = Math.toIntExact(d.mean().elements());
      float[] noise = new float[n];
      for (int i = 0; i < n; i++) {
        noise[i] = (float) Math.sin(12.9898 * i) * 1.5f;
      }
      float[] means = d.mean().toFloats();
      float[] logVariances = d.logVariance().toFloats();
      for (int i = 0; i < n; i++) {
        mean[i % CHANNELS] += (double) means[i] * CHANNELS / n;
        deviation[i % CHANNELS] +=
            ((double) means[i] * means[i] + Math.exp(logVariances[i])) * CHANNELS / n;
      }
      for (int i = 0; i < CHANNELS; i++) {
        deviation[i] = Math.sqrt(deviation[i] - mean[i] * mean[i]);
      }
      long h = side / autoencoder.config().pixelsPerLatent();
      Tensor z = d.sample(Tensors.of(device, noise, pictures.size(), h, h, CHANNELS));
      float[] out = autoencoder.decodeUnscaled(z, false, LayerObserver.NONE).picture().toFloats();
      return new Measured(out, mean, deviation);
    }
  }

  private static Measured measured(Path model, @Nullable Path average, Path data)
      throws IOException {
    Device device = Device.cpu();
    try (ModelFiles files = ModelFiles.open(model);
        Networks networks = networks(files, device, average)) {
      return measured(networks.autoencoder(), device, data);
    }
  }

  @Test
  void latentsAreCentredAndReconstructionsStay() throws IOException {
    Path data = TinyData.write(dir.resolve("data"), 6);
    for (String size : List.of("--resolution=16", "--resolution=8")) {
      Path out = dir.resolve("out" + size.substring(size.length() - 1));
      List<String> args = train(data, out, 6, size);
      if (size.endsWith("=8")) {
        args.add("--random-crop");
      }
      ok(args);
      Measured trained = measured(out, out.resolve("checkpoints/6/ema.safetensors"), data);
      Measured written = measured(out, null, data);
      assertEquals(
          1.0,
          JsonMapper.shared()
              .readTree(Files.readString(out.resolve("vae/config.json")))
              .get("scaling_factor")
              .asDouble());
      for (int i = 0; i < CHANNELS; i++) {
        assertEquals(0, written.mean[i], 1e-5, size);
        assertEquals(1, written.deviation[i], 1e-5, size);
        // or there was nothing to do
        assertTrue(Math.abs(trained.mean[i]) + Math.abs(trained.deviation[i] - 1) > 0.05, size);
      }
      assertArrayEquals(trained.reconstruction, written.reconstruction, 2e-5f, size);
    }
  }

  /** What goes on is what was trained, not what was written. */
  @Test
  void aRunThatWasStoppedGoesOnFromItsOwnWeights() throws IOException {
    Path data = TinyData.write(dir.resolve("data"), 6);
    Path whole = dir.resolve("whole");
    ok(train(data, whole, 6, "--resolution=16"));
    Path parts = dir.resolve("parts");
    ok(train(data, parts, 3, "--resolution=16"));
    ok(train(data, parts, 6, "--resolution=16", "--resume-from-checkpoint=latest"));
    for (String file :
        List.of(
            "vae/diffusion_pytorch_model.safetensors",
            "checkpoints/6/weights.safetensors",
            "checkpoints/6/optimizer.safetensors",
            "checkpoints/6/ema.safetensors")) {
      assertEquals(-1, Files.mismatch(whole.resolve(file), parts.resolve(file)), file);
    }
  }
}
