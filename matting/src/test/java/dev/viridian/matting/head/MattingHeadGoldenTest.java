package dev.viridian.matting.head;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.testing.GoldenModels;
import dev.viridian.diffusion.testing.Maps;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.ModuleLoader;
import dev.viridian.engine.testing.Golden;
import dev.viridian.engine.testing.GoldenArea;
import dev.viridian.engine.testing.GoldenDevices;
import dev.viridian.engine.testing.GoldenFile;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;

/** The mask that the head gives for latents, not clamped. */
@GoldenArea("sd-tiny")
class MattingHeadGoldenTest {
  private static final String AREA = GoldenModels.COMPONENTS;
  private static final String ALPHA = ".alpha";

  /** The case that runs on the emulated CUDA device too, its weights in float16. */
  private static final String ON_CUDA = "vae.float16.decode_8x8";

  @TestFactory
  Stream<DynamicTest> masks() {
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode c : Golden.json(AREA, "cases.json").get("cases")) {
      for (String key : c.get("outputs").propertyNames()) {
        if (key.endsWith(ALPHA)) {
          String prefix = key.substring(0, key.length() - ALPHA.length());
          String name = c.get("name").asString();
          tests.add(dynamicTest(name, () -> run(GoldenDevices.device(), c, prefix)));
          if (name.equals(ON_CUDA) && !GoldenDevices.forced()) {
            tests.add(
                dynamicTest(
                    name + " [cuda, emulated]", () -> run(GoldenDevices.emulated(), c, prefix)));
          }
        }
      }
    }
    return tests.stream();
  }

  @SuppressWarnings("try") // the scope closes what the case makes
  private static void run(Device device, JsonNode c, String prefix) {
    try (MemoryScope scope = MemoryScope.open();
        GoldenFile file = GoldenFile.open(AREA, c.get("file").asString());
        ModelFiles files = GoldenModels.tiny(c.get("weights").asString());
        Autoencoder vae = new Autoencoder(files.configs().vae());
        MattingHead head = new MattingHead(files.configs().mattingHead())) {
      assertNotNull(files.mattingHead());
      ModuleLoader.load(vae, files.vae(), device, null);
      ModuleLoader.load(head, files.mattingHead(), device, null);
      Tensor latents = Maps.map(device, file, prefix + ".latents");
      Tensor feature = vae.decode(latents, false, LayerObserver.NONE).feature();
      float[] alpha = Maps.channelsFirst(head.forward(feature));
      double atol = c.get("outputs").get(prefix + ALPHA).get("atol").asDouble();
      Golden.assertWithin(prefix + ALPHA, file.floats(prefix + ALPHA), alpha, atol);
    }
    GoldenDevices.requireSound(device);
  }
}
