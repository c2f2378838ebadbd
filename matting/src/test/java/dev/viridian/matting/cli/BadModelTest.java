package dev.viridian.matting.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.diffusion.weights.MattingHeadConfig;
import dev.viridian.diffusion.weights.ModelConfigs;
import dev.viridian.diffusion.weights.UNetConfig;
import dev.viridian.engine.Device;
import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.SafetensorsWriter;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.WeightFiles;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Precision;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files that are no model, models that are not whole, weights that are no numbers. */
class BadModelTest {
  private static final String EXPECTED = "expected a Stable Diffusion 1.x model";

  @TempDir private Path folder;
  private Path model;

  @BeforeEach
  void makeModel() throws IOException {
    model = SmallModel.folder(folder.resolve("model"), DType.F32);
  }

  private Run refused(Path given, String... parts) {
    Run run = BadInput.refused(2, SmallModel.generate(given, folder.resolve("a.png")), parts);
    assertFalse(Files.exists(folder.resolve("a.png")));
    return run;
  }

  /** A safetensors file of zeros; shapes as in {@code "8,4,3,3"}. */
  private Path file(String name, String... keysAndShapes) {
    SafetensorsWriter writer = new SafetensorsWriter();
    for (int i = 0; i < keysAndShapes.length; i += 2) {
      List<Long> shape = new ArrayList<>();
      for (String size : keysAndShapes[i + 1].split(",")) {
        shape.add(Long.parseLong(size));
      }
      TensorInfo info = new TensorInfo(keysAndShapes[i], FileType.F32, shape);
      writer.add(info, MemorySegment.ofArray(new byte[(int) info.bytes()]));
    }
    Path file = folder.resolve(name);
    writer.write(file);
    return file;
  }

  @Test
  void weightsOfSomethingElse() {
    refused(
        file(
            "lora.safetensors",
            "lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight",
            "4,8,1,1",
            "lora_unet_down_blocks_0_attentions_0_proj_in.lora_up.weight",
            "8,4,1,1"),
        "lora.safetensors",
        "is LoRA",
        EXPECTED);
    refused(
        file(
            "cn.safetensors",
            "controlnet_cond_embedding.conv_in.weight",
            "16,3,3,3",
            "controlnet_mid_block.weight",
            "8,8,1,1",
            "down_blocks.0.resnets.0.conv1.weight",
            "8,8,3,3",
            "conv_in.weight",
            "8,4,3,3"),
        "is ControlNet",
        EXPECTED);
    refused(file("emb.safetensors", "emb_params", "2,768"), "is embedding", EXPECTED);
    refused(
        file(
            "xl.safetensors",
            "conditioner.embedders.1.model.ln_final.weight",
            "1280",
            "model.diffusion_model.input_blocks.0.0.weight",
            "32,4,3,3"),
        "is Stable Diffusion XL",
        EXPECTED);
    refused(
        file(
            "sd2.safetensors",
            "cond_stage_model.model.ln_final.weight",
            "1024",
            "model.diffusion_model.input_blocks.0.0.weight",
            "32,4,3,3"),
        "is Stable Diffusion 2.x",
        EXPECTED);
    refused(file("other.safetensors", "some.weight", "2"), "of no model known here", EXPECTED);
    refused(model.resolve("unet/diffusion_pytorch_model.safetensors"), "is UNet", EXPECTED);
    refused(model.resolve("vae/diffusion_pytorch_model.safetensors"), "is VAE", EXPECTED);
    refused(model.resolve("text_encoder/model.safetensors"), "is text encoder", EXPECTED);
    refused(model.resolve("matting_head/model.safetensors"), "is matting head", EXPECTED);
  }

  @Test
  void aMattingNetworkOfAnotherKind() {
    Path file =
        file(
            "bgm.safetensors",
            "backbone.conv1.weight",
            "64,6,7,7",
            "backbone.layer1.0.conv1.weight",
            "64,64,1,1",
            "aspp.convs.0.0.weight",
            "256,2048,1,1",
            "decoder.conv1.weight",
            "288,320,3,3",
            "decoder.conv4.weight",
            "37,38,3,3",
            "refiner.conv1.weight",
            "24,42,3,3",
            "refiner.conv4.weight",
            "4,12,3,3");
    refused(file, "is BackgroundMattingV2", EXPECTED);
  }

  /** Of each: the line of generate, convert and inspect. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "a.txt|hello|is a text that begins with 'hello'",
        "p.html|<!DOCTYPE html><html><body>404</body></html>|looks like a web page",
        "l.safetensors|version https://git-lfs.github.com/spec/v1#oid sha256:4d7a#size 5|git lfs pull",
        "e.safetensors|''|is empty (0 bytes)",
        "j.json|{}|no weight_map",
        "z.ckpt|PK\u0003\u0004junk|the zip file is damaged",
        "g.gguf|GGUFxxxxxxxx|is a GGUF file",
      })
  void filesThatAreNoWeights(String name, String content, String said) throws IOException {
    Path file = folder.resolve(name);
    Files.writeString(file, content.replace('#', '\n'), StandardCharsets.ISO_8859_1);
    refused(file, file.toString(), said);
    String out = folder.resolve("out.safetensors").toString();
    BadInput.refused(2, List.of("convert", file.toString(), "--output", out), name, said);
    BadInput.refused(2, List.of("inspect", file.toString()), name, said);
    assertFalse(Files.exists(Path.of(out)));
  }

  @Test
  void aPictureIsNoModel() throws IOException {
    assertEquals(
        0,
        Run.of(SmallModel.generate(model, folder.resolve("b.png")).toArray(String[]::new)).code());
    refused(folder.resolve("b.png"), "b.png", "expected a safetensors file");
  }

  @Test
  void foldersThatAreNoModel() throws IOException {
    Path empty = Files.createDirectory(folder.resolve("empty"));
    refused(empty, "empty: has neither model_index.json nor unet/", EXPECTED);
    BadInput.refused(2, List.of("inspect", empty.toString()), "no weight files");
    refused(model.resolve("unet"), "holds one network alone (UNet2DConditionModel)", EXPECTED);
    refused(folder.resolve("none"), "none: no such file or folder");
    refused(Path.of("nobody/nothing"), "no model of that name at ");
    Files.delete(model.resolve("model_index.json"));
    refused(model.resolve("vae"), "AutoencoderKL", EXPECTED);
    // without the index the folder is still what it is
    assertEquals(
        0,
        Run.of(SmallModel.generate(model, folder.resolve("c.png")).toArray(String[]::new)).code());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "tokenizer/vocab.json|has merges.txt but no vocab.json",
        "tokenizer/merges.txt|has vocab.json but no merges.txt",
        "unet/config.json|unet/config.json: no such file",
        "vae/config.json|vae/config.json: no such file",
        "text_encoder/config.json|text_encoder/config.json: no such file",
        "matting_head/config.json|matting_head/config.json: no such file",
        "unet/diffusion_pytorch_model.safetensors|unet: no weights, expected one of",
        "vae/diffusion_pytorch_model.safetensors|vae: no weights, expected one of",
        "text_encoder/model.safetensors|text_encoder: no weights, expected one of",
        "matting_head/model.safetensors|matting_head: no weights, expected one of"
      })
  void aPartIsMissing(String file, String said) throws IOException {
    Files.delete(model.resolve(file));
    refused(model, said);
    Files.createDirectory(model.resolve(file));
    refused(model, model.toString());
  }

  /** CLIP's own tokenizer takes its place only where the text encoder has as many tokens. */
  @Test
  void theTokenizerIsMissing() throws IOException {
    Files.delete(model.resolve("tokenizer/vocab.json"));
    Files.delete(model.resolve("tokenizer/merges.txt"));
    refused(model, "has no tokenizer", "519 tokens", "put vocab.json and merges.txt into");
  }

  @Test
  void aShardIsMissing() throws IOException {
    Path sharded = SmallModel.sharded(folder.resolve("sharded"), DType.F16);
    Files.delete(sharded.resolve("unet/diffusion_pytorch_model-00002-of-00003.safetensors"));
    refused(sharded, "diffusion_pytorch_model-00002-of-00003.safetensors", "no such file");
    Run run = Run.of("inspect", sharded + "/unet");
    assertEquals(2, run.code());
    assertTrue(BadInput.isOneLine(run.err()), run.err());
    assertTrue(run.err().contains("1 of 1 weight files cannot be read"), run.err());
    assertTrue(run.err().contains("00002-of-00003.safetensors: no such file"), run.err());
  }

  /** Writes a component's file again, its tensors changed by {@code change}. */
  private void rewrite(String name, UnaryOperator<Map<String, TensorInfo>> change)
      throws IOException {
    Path file = model.resolve(name);
    SafetensorsWriter writer = new SafetensorsWriter();
    try (WeightSource source = WeightFiles.open(file)) {
      change
          .apply(new LinkedHashMap<>(source.tensors()))
          .forEach(
              (key, info) ->
                  writer.add(
                      new TensorInfo(key, info.type(), info.shape()),
                      MemorySegment.ofArray(new byte[(int) info.bytes()])));
      writer.write(file.resolveSibling("new"));
    }
    Files.move(file.resolveSibling("new"), file, StandardCopyOption.REPLACE_EXISTING);
  }

  @Test
  void everyKeyThatDoesNotFitIsCountedAndTwentyAreNamed() throws IOException {
    rewrite(
        "unet/diffusion_pytorch_model.safetensors",
        tensors -> {
          List<String> keys = List.copyOf(tensors.keySet());
          keys.subList(0, 30).forEach(tensors::remove);
          for (int i = 0; i < 25; i++) {
            tensors.put("more." + i + ".weight", new TensorInfo("x", FileType.F32, List.of(2L)));
          }
          TensorInfo wrong = new TensorInfo("x", FileType.F32, List.of(3L, 5L));
          tensors.put(keys.get(50), wrong);
          return tensors;
        });
    Run run =
        refused(
            model,
            "unet/diffusion_pytorch_model.safetensors does not fit",
            "unet/config.json",
            "1 misshaped: ",
            "found [3, 5]",
            "30 missing: ",
            "25 unexpected: more.0.weight",
            "more.19.weight and 5 more",
            " and 10 more");
    assertFalse(run.err().contains("more.20.weight"), run.err());
  }

  @ParameterizedTest
  @ValueSource(strings = {"I64", "U8", "BOOL", "F8_E4M3", "I16"})
  void typesThatAreNoWeights(FileType type) throws IOException {
    rewrite(
        "matting_head/model.safetensors",
        tensors -> {
          TensorInfo info = tensors.get("conv1.bias");
          tensors.put("conv1.bias", new TensorInfo("conv1.bias", type, info.shape()));
          return tensors;
        });
    refused(
        model, "matting_head/model.safetensors", "conv1.bias", "F32, F16 or BF16", type + "[8]");
  }

  @Test
  void doublesAndMixedTypesAreTaken() throws IOException {
    rewrite(
        "matting_head/model.safetensors",
        tensors -> {
          FileType[] types = {FileType.F64, FileType.F16, FileType.BF16, FileType.F32};
          int i = 0;
          for (String key : List.copyOf(tensors.keySet())) {
            tensors.put(key, new TensorInfo(key, types[i++ % 4], tensors.get(key).shape()));
          }
          return tensors;
        });
    List<String> dtypes = new ArrayList<>(List.of("auto", "f32", "f16"));
    if (Device.cpu().kernels().packed().offers(Precision.BF16)) {
      dtypes.add("bf16");
    }
    for (String dtype : dtypes) {
      Path out = folder.resolve(dtype + ".png");
      Run run = Run.of(SmallModel.generate(model, out, "--dtype", dtype).toArray(String[]::new));
      assertEquals(0, run.code(), run.err());
    }
  }

  @Test
  void networksThatDoNotFitOneAnother() throws IOException {
    ModelConfigs c = SmallModel.CONFIGS;
    MattingHeadConfig head = new MattingHeadConfig(8, 4, MattingHeadConfig.Feature.UP_BLOCK);
    Path other = folder.resolve("other");
    SmallModel.folder(other, new ModelConfigs(c.unet(), c.vae(), c.textEncoder(), head), DType.F32);
    Path config = other.resolve("matting_head/config.json");
    Files.writeString(
        config, Files.readString(config).replace("\"in_channels\" : 8", "\"in_channels\" : 16"));
    refused(other, "the matting head's in_channels is 16, expected 8");

    Path unet = model.resolve("unet/config.json");
    String text = Files.readString(unet);
    Files.writeString(unet, text.replace("\"in_channels\" : 4", "\"in_channels\" : 9"));
    refused(model, "in_channels is 9 (an inpainting model), expected 4");
    Files.writeString(
        unet, text.replace("\"cross_attention_dim\" : 8", "\"cross_attention_dim\" : 16"));
    refused(model, "cross_attention_dim is 16, expected 8");
    Files.writeString(
        unet, text.replace("\"act_fn\"", "\"use_linear_projection\" : true, \"act_fn\""));
    refused(model, "Stable Diffusion 2.x or XL UNet");
    Files.writeString(unet, text);
    Path vocabulary = model.resolve("tokenizer/vocab.json");
    String words = Files.readString(vocabulary);
    Files.writeString(vocabulary, words.replaceAll("}\\s*$", ",\"more</w>\":600}"));
    refused(model, "the tokenizer has 601 tokens, the text encoder only 519");
  }

  /** An inpainting UNet's weights under a configuration that says nothing of it. */
  @Test
  void anInpaintingUnetUnderAnotherConfiguration() throws IOException {
    ModelConfigs c = SmallModel.CONFIGS;
    UNetConfig u = c.unet();
    rewrite(
        "unet/diffusion_pytorch_model.safetensors",
        tensors -> {
          List<Long> shape = List.of((long) u.blockOutChannels().getFirst(), 9L, 3L, 3L);
          tensors.put("conv_in.weight", new TensorInfo("conv_in.weight", FileType.F32, shape));
          return tensors;
        });
    refused(model, "conv_in.weight: expected [8, 4, 3, 3], found [8, 9, 3, 3]");
  }

  /** Every weight that has a part in a picture, one after the other. */
  @ParameterizedTest
  @CsvSource({
    "text_encoder/model.safetensors,NaN",
    "unet/diffusion_pytorch_model.safetensors,Infinity",
    "unet/diffusion_pytorch_model.safetensors,NaN",
    "vae/diffusion_pytorch_model.safetensors,NaN",
    "vae/diffusion_pytorch_model.safetensors,-Infinity",
    "matting_head/model.safetensors,NaN",
    "matting_head/model.safetensors,Infinity"
  })
  void aWeightThatIsNoNumberIsNamed(String name, float value) throws IOException {
    Path file = model.resolve(name);
    byte[] good = Files.readAllBytes(file);
    List<TensorInfo> tensors;
    try (WeightSource source = WeightFiles.open(file)) {
      tensors = List.copyOf(source.tensors().values());
    }
    int at = 8 + (int) ByteBuffer.wrap(good).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
    int named = 0;
    for (TensorInfo info : tensors) {
      boolean used = !info.name().startsWith("encoder.") && !info.name().startsWith("quant_conv.");
      if (used && (tensors.size() < 60 || named == 0 || info.name().hashCode() % 7 == 0)) {
        byte[] bad = good.clone();
        // of the words the first one's embedding: that of the start token
        int row = info.name().endsWith("token_embedding.weight") ? 517 * 8 * Float.BYTES : 0;
        ByteBuffer.wrap(bad).order(ByteOrder.LITTLE_ENDIAN).putFloat(at + row, value);
        Files.write(file, bad);
        refused(model, file.toString(), "'" + info.name() + "'", "infinity or NaN");
        named++;
      }
      at += (int) info.bytes();
    }
    assertTrue(named > 3, "only " + named + " weights were tried");
  }
}
