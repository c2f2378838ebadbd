package dev.viridian.diffusion;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.viridian.diffusion.text.ClipTextModel;
import dev.viridian.diffusion.unet.UNet;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.diffusion.weights.ModelConfigs;
import dev.viridian.diffusion.weights.TensorName;
import dev.viridian.diffusion.weights.TensorNames;
import dev.viridian.diffusion.weights.TextEncoderConfig;
import dev.viridian.diffusion.weights.UNetConfig;
import dev.viridian.diffusion.weights.VaeConfig;
import dev.viridian.engine.nn.Module;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The networks declare the tensors that the tables of names list, with the same shapes. */
class NetworkNamesTest {
  private static void assertSame(List<TensorName> expected, Module module) {
    Map<String, List<Long>> names =
        expected.stream().collect(Collectors.toMap(TensorName::name, TensorName::shape));
    Map<String, List<Long>> declared =
        module.parameters().entrySet().stream()
            .collect(Collectors.toMap(Map.Entry::getKey, e -> e.getValue().fileShape().toList()));
    assertEquals(names, declared);
  }

  @Test
  void atTheRealSize() {
    ModelConfigs sd15 = ModelConfigs.sd15();
    assertSame(TensorNames.of(sd15.unet()), new UNet(sd15.unet()));
    assertSame(TensorNames.of(sd15.vae()), new Autoencoder(sd15.vae()));
    assertSame(TensorNames.of(sd15.textEncoder()), new ClipTextModel(sd15.textEncoder()));
  }

  @Test
  void atAnUnusualShape() {
    UNetConfig unet =
        new UNetConfig(
            4,
            4,
            List.of(32, 96, 64),
            3,
            Collections.nCopies(3, 4),
            40,
            16,
            1e-5f,
            List.of(false, true, true),
            List.of(true, false, true),
            true,
            0,
            64);
    assertSame(TensorNames.of(unet), new UNet(unet));
    VaeConfig vae = new VaeConfig(3, 3, 4, List.of(16, 48), 3, 8, 0.2);
    assertSame(TensorNames.of(vae), new Autoencoder(vae));
    TextEncoderConfig text = new TextEncoderConfig(99, 24, 32, 2, 3, 77, 1e-5f, "gelu");
    assertSame(TensorNames.of(text), new ClipTextModel(text));
  }
}
