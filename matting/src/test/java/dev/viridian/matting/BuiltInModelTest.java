package dev.viridian.matting;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.pipeline.TextToImage;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.diffusion.weights.ClipVocabulary;
import dev.viridian.diffusion.weights.FormulaModel;
import dev.viridian.diffusion.weights.MattingHeadConfig;
import dev.viridian.diffusion.weights.ModelConfigs;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.diffusion.weights.TextEncoderConfig;
import dev.viridian.diffusion.weights.UNetConfig;
import dev.viridian.diffusion.weights.VaeConfig;
import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.kernels.DType;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model among streams, as the jar's resources are. */
class BuiltInModelTest {
  private static final ModelConfigs CONFIGS =
      new ModelConfigs(
          new UNetConfig(
              4,
              4,
              List.of(8, 8),
              1,
              List.of(2, 2),
              8,
              4,
              1e-5f,
              List.of(true, false),
              List.of(false, true),
              true,
              0,
              2),
          new VaeConfig(3, 3, 4, List.of(8, 8, 8, 8), 1, 4, 0.5),
          new TextEncoderConfig(2000, 8, 16, 1, 2, 24, 1e-5f, "quick_gelu"),
          new MattingHeadConfig(8, 8, MattingHeadConfig.Feature.CONV_ACT));

  @TempDir Path folder;

  /** Writes a model as the small one is written: halves, the tokenizer cut. */
  private void write() {
    Path tokenizer = folder.resolve("words");
    try {
      ClipVocabulary.write(Files.createDirectory(tokenizer), 2000, 24);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    new FormulaModel(CONFIGS, DType.F16).write(folder.resolve("model"), tokenizer);
  }

  private @Nullable InputStream stream(String name) {
    Path file = folder.resolve("model").resolve(name);
    try {
      return Files.exists(file) ? Files.newInputStream(file) : null;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void itGeneratesAndLeavesNothingBehind() {
    write();
    ModelFiles files = BuiltInModel.open(this::stream);
    Path unpacked = Path.of(files.describe());
    assertTrue(Files.isDirectory(unpacked), files.describe());
    try (DiffuMatting model = DiffuMatting.load(files, Device.cpu(), null)) {
      Cutout cutout = model.generate(TextToImage.of("a red apple").size(16, 16).steps(2), 3);
      assertEquals(16, cutout.width());
      assertTrue(cutout.hasAlpha());
    }
    assertFalse(Files.exists(unpacked));
  }

  /** Size, steps and guidance are the model's own where none are asked for. */
  @Test
  void itIsRunAsItsFilesSay() throws IOException {
    write();
    try (DiffuMatting model =
        DiffuMatting.load(BuiltInModel.open(this::stream), Device.cpu(), null)) {
      TextToImage usual = model.request("a red apple");
      assertEquals(16, usual.width());
      assertEquals(20, usual.steps());
      assertEquals(7.5, usual.guidance());
    }
    index("{\"_viridian\": {\"steps\": 2, \"cfg_scale\": 3}}");
    try (DiffuMatting model =
        DiffuMatting.load(BuiltInModel.open(this::stream), Device.cpu(), null)) {
      TextToImage own = model.request("a red apple");
      assertEquals(2, own.steps());
      assertEquals(3, own.guidance());
      assertEquals(16, model.generate(own, 3).height());
    }
    for (String wrong :
        List.of("{\"steps\": 0}", "{\"cfg_scale\": -1}", "{\"steps\": 2000}", "3")) {
      index("{\"_viridian\": " + wrong + "}");
      String said =
          assertThrows(InputException.class, () -> BuiltInModel.open(this::stream)).getMessage();
      assertTrue(said.contains("model_index.json: "), said);
    }
  }

  private void index(String json) throws IOException {
    Files.writeString(folder.resolve("model/model_index.json"), json);
  }

  @Test
  void whatIsMissingIsSaidInALineAndNothingStays() throws IOException {
    String none =
        assertThrows(InputException.class, () -> BuiltInModel.open(n -> null)).getMessage();
    assertTrue(none.contains("--model is missing"), none);
    write();
    Set<Path> before = temporary();
    assertThrows(
        InputException.class,
        () -> BuiltInModel.open(n -> stream(n.replace("unet/config", "vae/config"))));
    assertThrows(
        InputException.class, () -> BuiltInModel.open(n -> n.startsWith("vae") ? null : stream(n)));
    assertEquals(before, temporary());
  }

  private static Set<Path> temporary() throws IOException {
    try (Stream<Path> all = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
      return all.filter(p -> p.getFileName().toString().startsWith("viridian-model-"))
          .collect(Collectors.toSet());
    }
  }

  /**
   * Weights of 16 bits are computed with where they lie, as if they had been widened before. Those
   * of the text encoder are kept turned if they are F32, and may be summed in other parts.
   */
  @Test
  void theTypeThatWeightsAreKeptInDoesNotMatter() {
    float[] first = null;
    for (DType type : new DType[] {null, DType.F32}) {
      try (DiffuMatting model = DiffuMatting.load(BuiltInModel.open(), Device.cpu(), type)) {
        Cutout cutout = model.generate(model.request("a red apple").steps(2), 1);
        if (first != null) {
          assertArrayEquals(first, cutout.decoded(), 2e-4f);
        }
        first = cutout.decoded();
      }
    }
  }

  /** A picture does not take the encoder; who asks for the autoencoder gets all of it. */
  @Test
  @SuppressWarnings("try") // the scope closes what is made
  void theEncoderIsLoadedWhenItIsAskedFor() {
    try (DiffuMatting model = DiffuMatting.load()) {
      model.generate(model.request("a red apple").steps(1), 1);
      float[] pixels = new float[16 * 16 * 3];
      try (MemoryScope scope = MemoryScope.open()) {
        Autoencoder.Distribution d =
            model
                .diffusion()
                .autoencoder()
                .encode(Tensors.of(Device.cpu(), pixels, 1, 16, 16, 3), LayerObserver.NONE);
        assertEquals(List.of(1L, 2L, 2L, 4L), d.mean().shape().toList());
      }
    }
  }

  /** What the README promises: a red object that is opaque, on a canvas that is not. */
  @Test
  void theJarsModelPaintsARedApple() {
    try (DiffuMatting model = DiffuMatting.load()) {
      TextToImage request = model.request("a red apple");
      assertEquals(128, request.width());
      BufferedImage picture = model.generate(request, 1).image();
      double[] sum = new double[4];
      for (int y = 0; y < picture.getHeight(); y++) {
        for (int x = 0; x < picture.getWidth(); x++) {
          int argb = picture.getRGB(x, y);
          int alpha = argb >>> 24;
          sum[3] += alpha / 255.0;
          for (int c = 0; c < 3; c++) {
            sum[c] += alpha / 255.0 * (argb >>> 16 - 8 * c & 255);
          }
        }
      }
      double covered = sum[3] / (picture.getWidth() * picture.getHeight());
      assertTrue(covered > 0.1 && covered < 0.8, "covered " + covered);
      assertTrue(sum[0] > 2 * sum[1] && sum[0] > 2 * sum[2], Arrays.toString(sum));
      for (int corner : new int[] {0, picture.getWidth() - 1}) {
        assertTrue(picture.getRGB(corner, corner) >>> 24 < 26, "corner " + corner);
      }
    }
  }
}
