package dev.viridian.diffusion.weights;

import static dev.viridian.diffusion.weights.TinyModel.CONFIGS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.Safetensors;
import dev.viridian.engine.io.SafetensorsWriter;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.kernels.DType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Opening models: naming variants, what is refused and how it is said. */
class ModelFilesTest {
  @TempDir Path dir;
  private Path model = Path.of("");

  @BeforeEach
  void write() throws IOException {
    model = TinyModel.write(dir.resolve("model"), DType.F32);
  }

  private String refusal(Path path) {
    String message =
        assertThrows(InputException.class, () -> ModelFiles.open(path).close()).getMessage();
    assertFalse(message.contains("\n"), message);
    return message;
  }

  private void assertRefused(Path path, String... parts) {
    String message = refusal(path);
    for (String part : parts) {
      assertTrue(message.contains(part), () -> "'" + part + "' not in: " + message);
    }
  }

  /** Writes a weight file again with other names; a name that becomes null is left out. */
  private static void rename(Path file, UnaryOperator<@Nullable String> names) throws IOException {
    Path copy = file.resolveSibling("copy.safetensors");
    try (Safetensors source = Safetensors.open(file)) {
      SafetensorsWriter writer = new SafetensorsWriter();
      for (TensorInfo info : source.tensors().values()) {
        String name = names.apply(info.name());
        if (name != null) {
          writer.add(new TensorInfo(name, info.type(), info.shape()), source.data(info.name()));
        }
      }
      writer.write(copy);
    }
    Files.move(copy, file, StandardCopyOption.REPLACE_EXISTING);
  }

  private Path weights(Component component) {
    return model.resolve(component.folder()).resolve(component.weightFile());
  }

  private void assertOpensAsFormula() {
    try (ModelFiles found = ModelFiles.open(model);
        ModelFiles expected = new FormulaModel(CONFIGS, DType.F32).open(null)) {
      TinyModel.assertSame(expected, found);
    }
  }

  @Test
  void opensAFolder() {
    assertOpensAsFormula();
    try (ModelFiles found = ModelFiles.open(model)) {
      assertEquals(model.resolve("tokenizer"), found.tokenizer());
      assertEquals("PNDMScheduler", found.schedulerConfig().path("_class_name").asString());
      assertNull(found.greenPost());
      assertEquals(
          "decoder.mid_block.attentions.0.query.weight",
          found.vae().keyOf("decoder.mid_block.attentions.0.to_q.weight"));
      assertEquals(
          "text_model.final_layer_norm.bias", found.textEncoder().keyOf("final_layer_norm.bias"));
    }
  }

  @Test
  void newNamesOfTheAutoencoder() throws IOException {
    rename(
        weights(Component.VAE),
        name ->
            name.replace(".query.", ".to_q.")
                .replace(".key.", ".to_k.")
                .replace(".value.", ".to_v.")
                .replace(".proj_attn.", ".to_out.0."));
    assertOpensAsFormula();
  }

  @Test
  void textEncoderWithoutPrefix() throws IOException {
    rename(weights(Component.TEXT_ENCODER), name -> name.substring("text_model.".length()));
    assertOpensAsFormula();
  }

  @Test
  void halfPrecisionVariantsAndShards() throws IOException {
    Path unet = weights(Component.UNET);
    Files.move(unet, unet.resolveSibling("diffusion_pytorch_model.fp16.safetensors"));
    Path text = weights(Component.TEXT_ENCODER);
    Path shard = text.resolveSibling("model-00001-of-00001.safetensors");
    Files.move(text, shard);
    StringBuilder map = new StringBuilder();
    try (Safetensors source = Safetensors.open(shard)) {
      for (String name : source.tensors().keySet()) {
        map.append(map.isEmpty() ? "" : ",").append('"').append(name).append("\":\"");
        map.append(shard.getFileName()).append('"');
      }
    }
    Files.writeString(
        text.resolveSibling("model.safetensors.index.json"), "{\"weight_map\":{" + map + "}}");
    assertOpensAsFormula();
  }

  @Test
  void aModelMayLackTheHead() throws IOException {
    Files.delete(weights(Component.MATTING_HEAD));
    Files.delete(model.resolve("matting_head/config.json"));
    Files.delete(model.resolve("matting_head"));
    try (ModelFiles found = ModelFiles.open(model)) {
      assertNull(found.mattingHead());
      assertNull(found.configs().mattingHead());
    }
  }

  @Test
  void namesWhatIsMissingAndUnexpected() throws IOException {
    rename(
        weights(Component.UNET),
        name ->
            switch (name) {
              case "conv_out.bias" -> null;
              case "conv_in.bias" -> "conv_in.bais";
              default -> name;
            });
    assertRefused(
        model,
        weights(Component.UNET).toString(),
        model.resolve("unet/config.json").toString(),
        "2 missing: conv_in.bias [32], conv_out.bias [4]",
        "1 unexpected: conv_in.bais");
  }

  @Test
  void listsTwentyOfManyKeys() throws IOException {
    rename(weights(Component.TEXT_ENCODER), name -> name.contains(".layers.0.") ? null : name);
    rename(weights(Component.UNET), name -> name.contains(".transformer_blocks.") ? null : name);
    assertRefused(model, "missing: ", " and ");
    String message = refusal(model);
    int first = message.indexOf("missing: ");
    assertEquals(20, message.substring(first).split("\\[").length - 1, message);
  }

  @Test
  void namesFoundAndExpectedShape() throws IOException {
    edit("unet/config.json", "\"cross_attention_dim\" : 64", "\"cross_attention_dim\" : 16");
    edit("text_encoder/config.json", "\"hidden_size\" : 64", "\"hidden_size\" : 16");
    assertRefused(
        model,
        "misshaped: ",
        "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight: expected [32, 16],"
            + " found [32, 64]");
  }

  @Test
  void integersAreNoWeights() throws IOException {
    Path file = weights(Component.MATTING_HEAD);
    SafetensorsWriter writer = new SafetensorsWriter();
    try (Safetensors source = Safetensors.open(file)) {
      for (TensorInfo info : source.tensors().values()) {
        boolean last = info.name().equals("conv2.bias");
        FileType type = last ? FileType.I32 : info.type();
        MemorySegment data =
            MemorySegment.ofArray(source.data(info.name()).toArray(ValueLayout.JAVA_BYTE));
        writer.add(new TensorInfo(info.name(), type, info.shape()), data);
      }
    }
    writer.write(file);
    assertRefused(model, "conv2.bias: expected [1] of F32, F16 or BF16, found I32[1]");
  }

  private void edit(String file, String from, String to) throws IOException {
    Path path = model.resolve(file);
    String text = Files.readString(path);
    assertTrue(text.contains(from), () -> from + " not in " + text);
    Files.writeString(path, text.replace(from, to));
  }

  @ParameterizedTest(name = "{0}: {2}")
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '`',
      value = {
        "unet; \"layers_per_block\" : 1; \"layers_per_block\" : -1; layers_per_block is -1",
        "unet; \"layers_per_block\" : 1; \"layers_per_block\" : 0; from 1 to 1000000",
        "unet; \"layers_per_block\" : 1; \"layers_per_block\" : 900000; expected 1 to 256",
        "unet; \"layers_per_block\" : 1; \"layers_per_block\" : 1e30; layers_per_block is",
        "unet; \"layers_per_block\" : 1; \"layers_per_block\" : \"one\"; layers_per_block is \"one\"",
        "unet; \"layers_per_block\" : 1; \"layers_per_block\" : [1, 2]; layers_per_block is [1,2]",
        "unet; \"norm_num_groups\" : 32; \"norm_num_groups\" : 24; 24 does not divide block_out_channels[0] 32",
        "unet; \"norm_eps\" : 1.0E-5; \"norm_eps\" : NaN; is not sound JSON",
        "unet; \"norm_eps\" : 1.0E-5; \"norm_eps\" : -1; norm_eps -1.0",
        "unet; \"attention_head_dim\" : 8; \"attention_head_dim\" : [8, 7]; does not divide block_out_channels[1] 64",
        "unet; \"attention_head_dim\" : 8; \"attention_head_dim\" : [8]; attention_head_dim has 1 entries",
        "unet; \"in_channels\" : 4; \"in_channels\" : 9; an inpainting model",
        "unet; \"out_channels\" : 4; \"out_channels\" : 8; out_channels is 8, expected 4",
        "unet; \"cross_attention_dim\" : 64; \"cross_attention_dim\" : 1024; is 1024, expected 64",
        "unet; \"act_fn\" : \"silu\"; \"act_fn\" : \"gelu\"; act_fn is \"gelu\", expected \"silu\"",
        "unet; \"act_fn\" : \"silu\"; \"use_linear_projection\" : true; Stable Diffusion 2.x",
        "unet; \"act_fn\" : \"silu\"; \"addition_embed_type\" : \"text_time\"; SD1.x has no such thing",
        "unet; UNet2DConditionModel; ControlNetModel; is of a ControlNetModel, expected UNet2DConditionModel",
        "unet; \"CrossAttnDownBlock2D\"; \"AttnDownBlock2D\"; down_block_types[0] is \"AttnDownBlock2D\"",
        "unet; \"act_fn\" : \"silu\"; \"in_channels\" : 4; is not sound JSON",
        "vae; \"latent_channels\" : 4; \"latent_channels\" : 16; in_channels is 4, expected 16",
        "vae; \"scaling_factor\" : 0.18215; \"scaling_factor\" : 0; scaling_factor 0.0",
        "vae; \"act_fn\" : \"silu\"; \"shift_factor\" : 0.1; shift_factor is 0.1",
        "text_encoder; \"hidden_act\" : \"quick_gelu\"; \"hidden_act\" : \"relu\"; 'relu', expected quick_gelu or gelu",
        "text_encoder; \"num_hidden_layers\" : 2; \"num_hidden_layers\" : 100000; expected 1 to 256",
        "text_encoder; \"num_attention_heads\" : 1; \"num_attention_heads\" : 3; 3 does not divide hidden_size 64",
        "text_encoder; CLIPTextModel; T5EncoderModel; expected [\"CLIPTextModel\"]",
        "matting_head; decoder.conv_act; decoder.middle; feature is 'decoder.middle'",
        "matting_head; \"in_channels\" : 32; \"in_channels\" : 64; in_channels is 64, expected 32",
        "matting_head; \"in_channels\" : 32; \"other\" : 32; in_channels is missing",
      })
  void refusesConfigurations(String component, String from, String to, String expected)
      throws IOException {
    edit(component + "/config.json", from, to);
    assertRefused(model, expected);
    assertTrue(refusal(model).startsWith(model.toString()), refusal(model));
  }

  @Test
  void absentValuesAreAsInDiffusers() throws IOException {
    Files.writeString(
        model.resolve("unet/config.json"),
        "{\"block_out_channels\": [32, 64], \"layers_per_block\": 1, \"cross_attention_dim\": 64,"
            + " \"down_block_types\": [\"CrossAttnDownBlock2D\", \"DownBlock2D\"],"
            + " \"up_block_types\": [\"UpBlock2D\", \"CrossAttnUpBlock2D\"]}");
    edit("vae/config.json", "\"scaling_factor\" : 0.18215,", "");
    assertOpensAsFormula();
  }

  @Test
  void refusesWhatIsNoModel() throws IOException {
    assertRefused(dir.resolve("nowhere"), "no such file or folder");
    assertRefused(model.resolve("unet"), "one network alone (UNet2DConditionModel)", "expected");
    Path empty = Files.createDirectory(dir.resolve("empty"));
    assertRefused(empty, "has neither model_index.json nor unet/");
    Files.writeString(empty.resolve("adapter_config.json"), "{}");
    assertRefused(empty, "is an adapter (LoRA)");
    assertRefused(weights(Component.UNET), "is UNet, diffusers names", "expected a Stable");
    assertRefused(weights(Component.MATTING_HEAD), "is matting head");
    Files.createDirectory(model.resolve("text_encoder_2"));
    assertRefused(model, "is a StableDiffusionPipeline", "expected a Stable");
  }

  @Test
  void refusesOtherSingleFiles() {
    record Case(String expected, Map<String, List<Long>> shapes) {}
    String unet = "model.diffusion_model.";
    List<Long> conv = List.of(4L, 4L, 3L, 3L);
    List<Case> cases = new ArrayList<>();
    cases.add(
        new Case(
            "is Stable Diffusion XL",
            Map.of(
                unet + "input_blocks.0.0.weight",
                conv,
                "conditioner.embedders.0.transformer.text_model.final_layer_norm.bias",
                List.of(4L))));
    cases.add(
        new Case(
            "is Stable Diffusion 2.x",
            Map.of(
                unet + "input_blocks.0.0.weight",
                conv,
                "cond_stage_model.model.ln_final.bias",
                List.of(4L),
                "first_stage_model.decoder.conv_in.weight",
                conv)));
    cases.add(
        new Case(
            "is LoRA",
            Map.of(
                "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight",
                List.of(4L, 8L),
                "lora_unet_mid_block_attentions_0_proj_in.lora_up.weight",
                List.of(8L, 4L))));
    cases.add(
        new Case(
            "is ControlNet",
            Map.of(
                "control_model.input_blocks.0.0.weight",
                conv,
                unet + "input_blocks.0.0.weight",
                conv)));
    cases.add(
        new Case(
            "has no text_encoder, no key begins with cond_stage_model.transformer.",
            Map.of(
                unet + "input_blocks.0.0.weight",
                conv,
                "first_stage_model.decoder.conv_in.weight",
                conv)));
    cases.add(
        new Case(
            "is BackgroundMattingV2",
            Map.of(
                "backbone.conv1.weight",
                conv,
                "aspp.convs.0.0.weight",
                conv,
                "decoder.conv1.weight",
                conv)));
    cases.add(new Case("of no model known here", Map.of("some.thing", conv, "else", conv)));
    for (Case one : cases) {
      Path file = dir.resolve("other.safetensors");
      SafetensorsWriter writer = new SafetensorsWriter();
      one.shapes.forEach(
          (name, shape) -> {
            TensorInfo info = new TensorInfo(name, FileType.F32, shape);
            writer.add(info, MemorySegment.ofArray(new byte[(int) info.bytes()]));
          });
      writer.write(file);
      assertRefused(file, one.expected, file.toString());
    }
  }

  @Test
  void saysWhereATokenizerGoes() throws IOException {
    Files.delete(model.resolve("tokenizer/merges.txt"));
    try (ModelFiles found = ModelFiles.open(model)) {
      String message = assertThrows(InputException.class, found::tokenizer).getMessage();
      assertEquals(model.resolve("tokenizer") + "/: has vocab.json but no merges.txt", message);
      Files.delete(model.resolve("tokenizer/vocab.json"));
      message = assertThrows(InputException.class, found::tokenizer).getMessage();
      assertTrue(message.contains("merges.txt into " + model.resolve("tokenizer")), message);
    }
    try (ModelFiles clip = new FormulaModel(ModelConfigs.sd15(), DType.F16).open(null)) {
      assertNull(clip.tokenizer()); // made for CLIP's own
    }
  }

  @Test
  void findsModelsOfTheHubCache() throws IOException {
    Path hub = dir.resolve("hub");
    Path entry = hub.resolve("models--org--tiny.model");
    Path snapshot = entry.resolve("snapshots/abc123");
    Files.createDirectories(snapshot.getParent());
    Files.move(model, snapshot);
    Files.createDirectories(entry.resolve("refs"));
    Files.writeString(entry.resolve("refs/main"), "abc123\n");
    Files.createDirectory(entry.resolve("snapshots/older"));
    assertEquals(snapshot, HubCache.locate("org/tiny.model", hub));
    model = entry;
    assertOpensAsFormula();
    for (String wrong : List.of("org/other", "../models--org--tiny.model", "a/b/c", "nothing")) {
      assertThrows(InputException.class, () -> HubCache.locate(wrong, hub), wrong);
    }
    Files.writeString(entry.resolve("refs/main"), "../../elsewhere");
    assertThrows(InputException.class, () -> HubCache.locate("org/tiny.model", hub));
  }

  @Test
  void placeOfTheHubCache() {
    Path home = Path.of("home");
    Map<String, String> all = Map.of("HF_HUB_CACHE", "cache", "HF_HOME", "hf");
    assertEquals(Path.of("cache"), HubCache.root(all::get, home));
    Map<String, String> base = Map.of("HF_HOME", "hf");
    assertEquals(Path.of("hf/hub"), HubCache.root(base::get, home));
    assertEquals(Path.of("home/.cache/huggingface/hub"), HubCache.root(name -> null, home));
  }
}
