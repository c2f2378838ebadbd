package dev.viridian.diffusion.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.io.Safetensors;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.engine.testing.Golden;
import dev.viridian.engine.testing.GoldenArea;
import dev.viridian.kernels.DType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** The models of the goldens, written by PyTorch, hold the formula weights under our names. */
@GoldenArea("sd-tiny")
class WeightsGoldenTest {
  @TempDir Path dir;

  private static Path folder() {
    return Golden.file("sd-tiny", "model");
  }

  /** Every set of weights that is kept in files. */
  @TestFactory
  Stream<DynamicTest> files() {
    return Golden.json("sd-tiny", "components/cases.json")
        .get("weights")
        .valueStream()
        .filter(set -> set.get("kind").asString().equals("file"))
        .flatMap(
            set -> {
              boolean single = set.has("files");
              Stream<JsonNode> names =
                  single ? set.get("files").valueStream() : Stream.of(set.get("folder"));
              return names.map(
                  name ->
                      DynamicTest.dynamicTest(
                          name.asString(),
                          () -> {
                            Path path = Golden.file("sd-tiny/components", name.asString());
                            try (ModelFiles model = ModelFiles.open(path)) {
                              compare(model, single ? "micro:" : "");
                              assertTrue(Files.isDirectory(model.tokenizer()));
                            }
                          }));
            });
  }

  private static void compare(ModelFiles model, String prefix) {
    model
        .weights()
        .forEach(
            (component, weights) -> {
              Map<String, List<Long>> shapes = new LinkedHashMap<>();
              for (TensorName tensor : model.configs().tensors(component)) {
                shapes.put(tensor.name(), tensor.shape());
              }
              String key = prefix + component.folder() + "." + component.writtenFolderPrefix();
              try (FormulaSource expected = new FormulaSource(shapes, key, DType.F16)) {
                TinyModel.assertSame(expected, weights);
              }
            });
  }

  @Test
  void thereAndBackIsTheSameBitForBit() throws Exception {
    Path single = dir.resolve("single.safetensors");
    Path back = dir.resolve("back");
    Converter.Options options = new Converter.Options(null, null, false);
    Converter.convert(folder(), single, options);
    Converter.convert(single, back, options);
    for (Component component : Component.values()) {
      Path file = Path.of(component.folder(), component.weightFile());
      if (Files.exists(folder().resolve(file))) {
        try (Safetensors a = Safetensors.open(folder().resolve(file));
            Safetensors b = Safetensors.open(back.resolve(file))) {
          TinyModel.assertSame(a, b);
        }
        Path config = Path.of(component.folder(), "config.json");
        assertEquals(-1, Files.mismatch(folder().resolve(config), back.resolve(config)));
      }
    }
    for (String file : List.of("model_index.json", "scheduler/scheduler_config.json")) {
      assertEquals(-1, Files.mismatch(folder().resolve(file), back.resolve(file)), file);
    }
    try (Stream<Path> list = Files.list(folder().resolve("tokenizer"))) {
      for (Path file : list.toList()) {
        Path copy = back.resolve("tokenizer").resolve(file.getFileName());
        assertEquals(-1, Files.mismatch(file, copy), file.toString());
      }
    }
  }

  @Test
  void checkpointToFolder() {
    Path checkpoint = Golden.file("sd-tiny", "single-file.ckpt");
    Path out = dir.resolve("out");
    Converter.Result result =
        Converter.convert(checkpoint, out, new Converter.Options(null, null, false));
    assertTrue(result.notes().toString().contains("model_ema.…"), result.notes().toString());
    try (ModelFiles found = ModelFiles.open(out);
        ModelFiles expected = ModelFiles.open(Golden.file("sd-tiny", "single-file.safetensors"))) {
      TinyModel.assertSame(expected, found);
      compare(found, "micro:");
      assertNotNull(found.tokenizer());
    }
  }

  /** A lone file keeps its names, whatever they are. */
  @Test
  @GoldenArea("pickle")
  void checkpointsToSafetensors() {
    JsonNode cases = Golden.json("pickle", "cases.json");
    JsonNode files = cases.isArray() ? cases : cases.get("cases");
    int compared = 0;
    for (JsonNode one : files) {
      if (!one.path("outcome").asString("").equals("tensors")) {
        continue;
      }
      Path out = dir.resolve(compared + ".safetensors");
      Path input = Golden.file("pickle", one.get("file").asString());
      Converter.convert(input, out, new Converter.Options(null, null, false));
      try (WeightSource expected =
              Safetensors.open(Golden.file("pickle", one.get("expected").asString()));
          WeightSource found = Safetensors.open(out)) {
        TinyModel.assertSame(expected, found);
      }
      compared++;
    }
    assertTrue(compared > 0, "no case was compared");
  }
}
