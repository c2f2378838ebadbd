package dev.viridian.diffusion.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The tables of names, at the size of SD1.5 and at another. */
class TensorNamesTest {
  private static final ModelConfigs SD15 = ModelConfigs.sd15();

  private static long parameters(List<TensorName> tensors) {
    return tensors.stream().mapToLong(TensorName::elements).sum();
  }

  @Test
  void countsOfTheRealModel() {
    assertEquals(686, SD15.tensors(Component.UNET).size());
    assertEquals(859_520_964L, parameters(SD15.tensors(Component.UNET)));
    assertEquals(248, SD15.tensors(Component.VAE).size());
    assertEquals(83_653_863L, parameters(SD15.tensors(Component.VAE)));
    assertEquals(196, SD15.tensors(Component.TEXT_ENCODER).size());
    assertEquals(123_060_480L, parameters(SD15.tensors(Component.TEXT_ENCODER)));
    assertEquals(4, SD15.tensors(Component.MATTING_HEAD).size());
  }

  /**
   * Every name of SD1.5 in both layouts with its shape, against the digest of the published table:
   * sorted lines of component, name, single-file key and shape, tabs between them.
   */
  @Test
  void allNamesOfTheRealModel() throws Exception {
    Set<String> lines = new TreeSet<>();
    for (Component component : List.of(Component.UNET, Component.VAE, Component.TEXT_ENCODER)) {
      for (TensorName tensor : SD15.tensors(component)) {
        String shape =
            tensor.shape().stream().map(String::valueOf).collect(Collectors.joining("x"));
        lines.add(
            String.join(
                "\t",
                component.folder(),
                tensor.name(),
                component.singlePrefix() + tensor.ldm(),
                shape));
      }
    }
    String table = String.join("\n", lines) + "\n";
    byte[] digest =
        MessageDigest.getInstance("SHA-256").digest(table.getBytes(StandardCharsets.UTF_8));
    assertEquals(
        "8c1a25bd8c46dd08b70a3f58d874d0cff6373d343ba949d99d019c3d84814007",
        HexFormat.of().formatHex(digest));
  }

  @Test
  void namesOfEachLayoutAreDistinct() {
    for (Component component : Component.values()) {
      if (component == Component.GREEN_POST) {
        continue;
      }
      for (ModelConfigs configs : List.of(SD15, TinyModel.CONFIGS)) {
        List<TensorName> tensors = configs.tensors(component);
        Set<String> names = new HashSet<>();
        Set<String> ldm = new HashSet<>();
        Set<String> written = new HashSet<>();
        for (TensorName tensor : tensors) {
          names.add(tensor.name());
          ldm.add(tensor.ldm());
          written.add(tensor.writtenFolderName());
        }
        assertEquals(tensors.size(), names.size(), component.folder());
        assertEquals(tensors.size(), ldm.size(), component.folder());
        assertEquals(tensors.size(), written.size(), component.folder());
      }
    }
  }

  /** Places whose numbers depend on depth and attention, where a table of constants would slip. */
  @Test
  void numbersFollowTheShape() {
    Map<String, String> ldm =
        TinyModel.CONFIGS.tensors(Component.UNET).stream()
            .collect(Collectors.toMap(TensorName::name, TensorName::ldm));
    assertEquals("input_blocks.2.0.op.weight", ldm.get("down_blocks.0.downsamplers.0.conv.weight"));
    assertEquals(
        "input_blocks.3.0.in_layers.2.weight", ldm.get("down_blocks.1.resnets.0.conv1.weight"));
    assertEquals("output_blocks.1.1.conv.weight", ldm.get("up_blocks.0.upsamplers.0.conv.weight"));
    assertEquals("output_blocks.3.1.norm.weight", ldm.get("up_blocks.1.attentions.1.norm.weight"));
    Map<String, String> vae =
        TinyModel.CONFIGS.tensors(Component.VAE).stream()
            .collect(Collectors.toMap(TensorName::name, TensorName::ldm));
    assertEquals(
        "decoder.up.1.upsample.conv.weight",
        vae.get("decoder.up_blocks.0.upsamplers.0.conv.weight"));
  }
}
