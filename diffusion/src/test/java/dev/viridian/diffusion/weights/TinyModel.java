package dev.viridian.diffusion.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.kernels.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A model of a few hundred kilobytes, with every kind of tensor that the real one has. */
final class TinyModel {
  static final ModelConfigs CONFIGS =
      new ModelConfigs(
          new UNetConfig(
              4,
              4,
              List.of(32, 64),
              1,
              List.of(8, 8),
              64,
              32,
              1e-5f,
              List.of(true, false),
              List.of(false, true),
              true,
              0,
              64),
          new VaeConfig(3, 3, 4, List.of(32, 64), 1, 32, 0.18215),
          new TextEncoderConfig(50, 64, 96, 2, 1, 77, 1e-5f, "quick_gelu"),
          new MattingHeadConfig(32, 16, MattingHeadConfig.Feature.CONV_ACT));

  private TinyModel() {}

  /** Writes it as a folder with a tokenizer (of no use but as files). */
  static Path write(Path folder, DType dtype) throws IOException {
    Path tokenizer = Files.createDirectories(folder.resolveSibling("tokenizer-files"));
    Files.writeString(tokenizer.resolve("vocab.json"), "{\"a\": 0}");
    Files.writeString(tokenizer.resolve("merges.txt"), "#version: 0.2\n");
    new FormulaModel(CONFIGS, dtype).write(folder, tokenizer);
    return folder;
  }

  /** Both have the same tensors: names, types, shapes, bits. */
  static void assertSame(WeightSource expected, WeightSource found) {
    assertEquals(expected.tensors().keySet(), found.tensors().keySet(), found.describe());
    for (TensorInfo info : expected.tensors().values()) {
      assertEquals(info, found.info(info.name()), found.describe());
      assertEquals(
          -1,
          expected.data(info.name()).mismatch(found.data(info.name())),
          () -> found.describe() + ": " + info.name());
    }
  }

  /** Both models have the same networks with the same bits. */
  static void assertSame(ModelFiles expected, ModelFiles found) {
    assertEquals(expected.configs(), found.configs());
    assertEquals(expected.weights().keySet(), found.weights().keySet());
    expected
        .weights()
        .forEach((component, weights) -> assertSame(weights, found.weights().get(component)));
  }
}
