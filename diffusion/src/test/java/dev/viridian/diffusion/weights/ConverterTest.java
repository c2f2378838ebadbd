package dev.viridian.diffusion.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Conversions between layouts and types. */
class ConverterTest {
  @TempDir Path dir;
  private Path model = Path.of("");

  @BeforeEach
  void write() throws IOException {
    model = TinyModel.write(dir.resolve("model"), DType.F16);
  }

  private static Converter.Result convert(
      Path input, Path output, @Nullable DType dtype, Converter.@Nullable Layout layout) {
    return Converter.convert(input, output, new Converter.Options(dtype, layout, false));
  }

  private static Map<String, String> smallFiles(Path folder) throws IOException {
    Map<String, String> out = new TreeMap<>();
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        if (!file.toString().endsWith(".safetensors")) {
          out.put(folder.relativize(file).toString(), Files.readString(file));
        }
      }
    }
    return out;
  }

  private static void assertSame(Path expected, Path found) {
    try (ModelFiles a = ModelFiles.open(expected);
        ModelFiles b = ModelFiles.open(found)) {
      TinyModel.assertSame(a, b);
    }
  }

  private void assertNothingElse(String... names) throws IOException {
    try (Stream<Path> list = Files.list(dir)) {
      List<String> found =
          list.map(path -> path.getFileName().toString())
              .filter(name -> !name.equals("model") && !name.equals("tokenizer-files"))
              .sorted()
              .toList();
      assertEquals(Stream.of(names).sorted().toList(), found);
    }
  }

  /** Steps and guidance go with a model through every layout; no other file is asked for them. */
  @Test
  void theModelsOwnStepsAndGuidanceStay() throws IOException {
    Files.writeString(
        model.resolve("model_index.json"),
        "{\"_class_name\": \"X\", \"_viridian\": {\"steps\": 7, \"cfg_scale\": 2.5}}");
    Path folder = dir.resolve("folder");
    Path single = dir.resolve("single.safetensors");
    Path back = dir.resolve("back");
    convert(model, folder, DType.F32, null);
    convert(folder, single, null, null);
    convert(single, back, null, null);
    for (Path path : List.of(model, folder, single, back)) {
      try (ModelFiles files = ModelFiles.open(path)) {
        assertEquals(7, files.defaults().steps(), path.toString());
        assertEquals(2.5, files.defaults().guidance(), path.toString());
      }
    }
  }

  @Test
  void thereAndBackLosesNothing() throws IOException {
    Files.createDirectories(model.resolve("feature_extractor"));
    Files.writeString(model.resolve("feature_extractor/preprocessor_config.json"), "{}");
    Path single = dir.resolve("single.safetensors");
    Path back = dir.resolve("back");
    Converter.Result there = convert(model, single, null, null);
    assertSame(model, single);
    convert(single, back, null, null);
    assertSame(model, back);
    assertEquals(smallFiles(model), smallFiles(back));
    try (Safetensors a =
            Safetensors.open(model.resolve("vae/diffusion_pytorch_model.safetensors"));
        Safetensors b = Safetensors.open(back.resolve("vae/diffusion_pytorch_model.safetensors"));
        Safetensors file = Safetensors.open(single)) {
      TinyModel.assertSame(a, b); // the file's own keys too
      assertEquals(there.tensors(), file.tensors().size());
      assertEquals(
          List.of(64L, 64L, 1L, 1L),
          file.info("first_stage_model.decoder.mid.attn_1.q.weight").shape());
      assertTrue(file.has("matting_head.conv1.weight"));
    }
    assertNothingElse("back", "single-config", "single.safetensors");
  }

  @Test
  void shapesTellTheConfiguration() throws IOException {
    Path place = dir.resolve("place"); // where no tokenizer lies beside
    Path single = place.resolve("single.safetensors");
    convert(model, single, null, null);
    Path configs = dir.resolve("configs");
    Files.move(place.resolve("single-config"), configs);
    assertSame(model, single);
    try (ModelFiles found = ModelFiles.open(single, configs)) {
      assertEquals(configs.resolve("tokenizer"), found.tokenizer());
    }
    try (ModelFiles found = ModelFiles.open(single)) {
      String message = assertThrows(InputException.class, found::tokenizer).getMessage();
      assertTrue(message.contains(place.resolve("single-config/tokenizer").toString()), message);
      Files.move(configs.resolve("tokenizer"), place.resolve("tokenizer"));
      assertEquals(place.resolve("tokenizer"), found.tokenizer());
    }
    convert(single, dir.resolve("back"), null, Converter.Layout.FOLDER);
    assertSame(model, dir.resolve("back"));
  }

  @Test
  void otherPrefixesOfSingleFiles() {
    Path single = dir.resolve("single.safetensors");
    convert(model, single, null, null);
    Path other = dir.resolve("other.safetensors");
    try (Safetensors source = Safetensors.open(single)) {
      SafetensorsWriter writer = new SafetensorsWriter();
      for (TensorInfo info : source.tensors().values()) {
        String name =
            info.name()
                .replace("transformer.text_model.", "transformer.")
                .replace("first_stage_model.", "vae.");
        writer.add(new TensorInfo(name, info.type(), info.shape()), source.data(info.name()));
      }
      writer.write(other);
    }
    assertSame(model, other);
  }

  @Test
  void typesAreConvertedAndIntegersKept() throws IOException {
    Path wide = dir.resolve("wide");
    Path bf16 = dir.resolve("bf16");
    Path back = dir.resolve("back");
    convert(model, wide, DType.F32, null);
    convert(wide, back, DType.F16, null);
    assertSame(model, back);
    convert(wide, bf16, DType.BF16, null);
    try (Safetensors a =
            Safetensors.open(wide.resolve("unet/diffusion_pytorch_model.safetensors"));
        Safetensors b =
            Safetensors.open(bf16.resolve("unet/diffusion_pytorch_model.safetensors"))) {
      TensorInfo info = b.info("conv_in.weight");
      assertEquals(FileType.BF16, info.type());
      MemorySegment from = a.data("conv_in.weight");
      MemorySegment to = b.data("conv_in.weight");
      for (long i = 0; i < info.elements(); i++) {
        float exact = from.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        float rounded = Float.intBitsToFloat(to.getAtIndex(ValueLayout.JAVA_SHORT, i) << 16);
        assertEquals(exact, rounded, Math.abs(exact) / 256);
      }
    }
    Path lone = dir.resolve("lone.safetensors");
    new SafetensorsWriter()
        .add(new TensorInfo("n", FileType.I64, List.of()), MemorySegment.ofArray(new long[] {7}))
        .add(
            new TensorInfo("x", FileType.F64, List.of(2L)),
            MemorySegment.ofArray(new double[] {1.5, -2}))
        .write(lone);
    Path out = dir.resolve("sub/out.safetensors");
    Converter.Result result = convert(lone, out, DType.F32, null);
    assertEquals(2, result.tensors());
    try (Safetensors found = Safetensors.open(out)) {
      assertEquals(FileType.I64, found.info("n").type());
      assertEquals(7, found.data("n").get(ValueLayout.JAVA_LONG, 0));
      assertEquals(FileType.F32, found.info("x").type());
      assertEquals(-2, found.data("x").getAtIndex(ValueLayout.JAVA_FLOAT, 1));
      assertEquals("pt", found.metadata().get("format"));
    }
  }

  @Test
  void refusesWeightsThatHalfPrecisionCannotHold() throws IOException {
    Path lone = dir.resolve("lone.safetensors");
    new SafetensorsWriter()
        .add(
            new TensorInfo("a.big", FileType.F32, List.of(2L)),
            MemorySegment.ofArray(new float[] {1, 70000}))
        .write(lone);
    Path out = dir.resolve("out.safetensors");
    String message =
        assertThrows(InputException.class, () -> convert(lone, out, DType.F16, null)).getMessage();
    assertTrue(message.contains("'a.big' has the value 70000.0"), message);
    assertNothingElse("lone.safetensors");
  }

  @Test
  void refusesWhatExists() throws IOException {
    Path out = dir.resolve("out");
    convert(model, out, null, null);
    assertThrows(InputException.class, () -> convert(model, out, null, null));
    Converter.convert(model, out, new Converter.Options(DType.BF16, null, true));
    try (ModelFiles found = ModelFiles.open(out)) {
      assertEquals(FileType.BF16, found.unet().info("conv_in.bias").type());
    }
    Path file = dir.resolve("out.safetensors");
    convert(model, file, null, null);
    assertThrows(InputException.class, () -> convert(model, file, null, null));
    Converter.convert(model, file, new Converter.Options(DType.F32, null, true));
    try (Safetensors found = Safetensors.open(file)) {
      assertEquals(FileType.F32, found.info("matting_head.conv1.bias").type());
    }
    Path precious = Files.createDirectory(dir.resolve("precious"));
    Files.writeString(precious.resolve("diary.txt"), "mine");
    Converter.Options overwrite = new Converter.Options(null, null, true);
    assertThrows(InputException.class, () -> Converter.convert(model, precious, overwrite));
    assertThrows(InputException.class, () -> Converter.convert(model, dir, overwrite));
    assertThrows(InputException.class, () -> Converter.convert(model, model, overwrite));
    assertEquals("mine", Files.readString(precious.resolve("diary.txt")));
    assertNothingElse("out", "out-config", "out.safetensors", "precious");
  }

  @Test
  void namesAndLayoutsMustAgree() {
    for (Converter.Layout layout : Converter.Layout.values()) {
      Path input = model.resolve("unet/diffusion_pytorch_model.safetensors");
      Path output = dir.resolve("out.ckpt");
      assertThrows(InputException.class, () -> convert(input, output, null, layout));
    }
  }

  /** A file that ends early is refused before anything is written, or leaves nothing behind. */
  @Test
  void damagedInputLeavesNothingBehind() throws IOException {
    Path unet = model.resolve("unet/diffusion_pytorch_model.safetensors");
    try (FileChannel channel = FileChannel.open(unet, StandardOpenOption.WRITE)) {
      channel.truncate(Files.size(unet) - 1);
    }
    assertThrows(InputException.class, () -> convert(model, dir.resolve("a"), DType.F32, null));
    assertThrows(
        InputException.class, () -> convert(model, dir.resolve("a.safetensors"), null, null));
    assertNothingElse();
  }

  @Test
  void leavesOutTheSafetyCheckerAndSaysSo() throws IOException {
    Path checker = Files.createDirectory(model.resolve("safety_checker"));
    Files.writeString(checker.resolve("config.json"), "{}");
    new SafetensorsWriter()
        .add(
            new TensorInfo("concept_embeds", FileType.F16, List.of(1L)),
            MemorySegment.ofArray(new byte[2]))
        .write(checker.resolve("model.safetensors"));
    Path index = model.resolve("model_index.json");
    Files.writeString(
        index,
        Files.readString(index)
            .replace(
                "\"safety_checker\" : [ null, null ]",
                "\"safety_checker\" : [ \"stable_diffusion\", \"StableDiffusionSafetyChecker\" ]"));
    Path folder = dir.resolve("folder");
    convert(model, folder, DType.F32, null);
    try (Safetensors found = Safetensors.open(folder.resolve("safety_checker/model.safetensors"))) {
      assertEquals(FileType.F32, found.info("concept_embeds").type());
    }
    assertTrue(Files.readString(folder.resolve("model_index.json")).contains("SafetyChecker"));
    Converter.Result result = convert(model, dir.resolve("s.safetensors"), null, null);
    assertTrue(result.notes().toString().contains("safety checker"), result.notes().toString());
    Path written = dir.resolve("s-config");
    assertFalse(Files.exists(written.resolve("safety_checker")));
    assertFalse(Files.readString(written.resolve("model_index.json")).contains("SafetyChecker"));
  }

  @Test
  void theRefiningNetworkTravelsWithTheModel() throws IOException {
    Path post = Files.createDirectory(model.resolve("green_post"));
    Files.writeString(post.resolve("config.json"), "{\"backbone\": \"mobilenetv2\"}");
    new SafetensorsWriter()
        .add(
            new TensorInfo("backbone.conv.weight", FileType.F32, List.of(2L)),
            MemorySegment.ofArray(new float[] {1, 2}))
        .write(post.resolve("model.safetensors"));
    Path single = dir.resolve("s.safetensors");
    convert(model, single, null, null);
    Path back = dir.resolve("back");
    convert(single, back, null, null);
    assertSame(model, back);
    try (ModelFiles found = ModelFiles.open(back)) {
      assertEquals("mobilenetv2", found.greenPostConfig().path("backbone").asString());
      assertEquals(
          ByteBuffer.wrap(new byte[] {0, 0, -128, 63}).order(ByteOrder.LITTLE_ENDIAN).getFloat(),
          found.greenPost().data("backbone.conv.weight").get(ValueLayout.JAVA_FLOAT, 0));
    }
  }
}
