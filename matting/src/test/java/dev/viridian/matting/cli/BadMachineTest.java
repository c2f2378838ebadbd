package dev.viridian.matting.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.viridian.diffusion.weights.ModelConfigs;
import dev.viridian.diffusion.weights.TextEncoderConfig;
import dev.viridian.diffusion.weights.UNetConfig;
import dev.viridian.engine.io.FileType;
import dev.viridian.kernels.DType;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Interrupts, and machines that have too little memory. */
class BadMachineTest {
  @TempDir private Path folder;

  private static List<String> files(Path folder) throws IOException {
    try (Stream<Path> found = Files.walk(folder)) {
      return found.filter(path -> !path.equals(folder)).map(Path::toString).sorted().toList();
    }
  }

  @Test
  void anInterruptedRunLeavesNothing() throws Exception {
    assumeTrue(!System.getProperty("os.name").startsWith("Windows"), "no signals");
    Path model = SmallModel.folder(folder.resolve("model"), DType.F32);
    Path out = Files.createDirectory(folder.resolve("out"));
    List<String> args = SmallModel.generate(model, out.resolve("a.png"), "--steps", "999");
    try (Child child = Child.start(folder, "", List.of(Child.DRAWS), args)) {
      assertTrue(child.until(() -> child.said("denoise")), "it ended before the interrupt");
      child.interrupt();
      Run run = child.await();
      assertEquals(130, run.code(), run::toString);
      assertTrue(run.err().endsWith("viridian: interrupted\n"), run::toString);
      assertFalse(run.err().contains("\tat "), run::toString);
    }
    assertEquals(List.of(), files(out));
  }

  /** A model of 400 MB, sparse on disk, is written when Ctrl-C comes. */
  @Test
  void anInterruptedConversionLeavesNothing() throws Exception {
    assumeTrue(!System.getProperty("os.name").startsWith("Windows"), "no signals");
    Path large = sparse(folder.resolve("large.safetensors"), "a", 200_000_000, 1);
    Path out = Files.createDirectory(folder.resolve("out"));
    List<String> args =
        List.of("convert", large.toString(), "--output", out + "/b.safetensors", "--dtype", "f32");
    try (Child child = Child.start(folder, "", List.of(), args)) {
      assertTrue(child.until(() -> !files(out).isEmpty()), "it ended before the interrupt");
      child.interrupt();
      Run run = child.await();
      assertEquals(130, run.code(), run::toString);
      assertEquals("viridian: interrupted\n", run.err());
    }
    assertEquals(List.of(), files(out));
  }

  @Test
  void theJavaHeapIsTooSmall() throws Exception {
    Path model = SmallModel.folder(folder.resolve("model"), DType.F32);
    Path out = Files.createDirectory(folder.resolve("out"));
    // foreseen: a picture of 1024×1024 on its way to a file takes 67 MB
    List<String> args =
        SmallModel.generate(model, out.resolve("a.png"), "--width", "1024", "--height", "1024");
    Run run = Child.run(folder, "", List.of("-Xmx48m"), args);
    assertEquals(2, run.code(), run::toString);
    assertTrue(BadInput.isOneLine(run.err()), run::toString);
    assertTrue(run.err().contains("not enough Java heap for 1024x1024"), run::toString);
    // not foreseen: a vocabulary of a million words
    StringBuilder words =
        new StringBuilder(Files.readString(model.resolve("tokenizer/vocab.json")));
    words.setLength(words.lastIndexOf("}"));
    for (int i = 0; i < 1_000_000; i++) {
      words.append(",\"word").append(i).append("</w>\":").append(1000 + i);
    }
    Files.writeString(model.resolve("tokenizer/vocab.json"), words.append('}'));
    run =
        Child.run(folder, "", List.of("-Xmx48m"), SmallModel.generate(model, out.resolve("a.png")));
    assertEquals(1, run.code(), run::toString);
    assertTrue(run.err().startsWith("viridian: out of memory (Java heap space)"), run::toString);
    assertTrue(run.err().contains("VIRIDIAN_JAVA_OPTIONS=-Xmx"), run::toString);
    assertEquals(1, run.err().lines().count(), run::toString);
    assertEquals(List.of(), files(out));
  }

  /**
   * Embeddings of a million words that have to be copied, in a process that may take 850 MB of
   * addresses, of which the virtual machine needs 480: those of 256 numbers take 512, those of 512
   * more than the process may have.
   */
  @ParameterizedTest
  @ValueSource(ints = {256, 512})
  void theMemoryOfTheProcessIsTooSmall(int width) throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/bin/sh")), "no shell");
    assumeTrue(Files.isReadable(Path.of("/proc/self/maps")), "no limit of addresses known here");
    ModelConfigs c = SmallModel.CONFIGS;
    UNetConfig u = c.unet();
    int[] words = {c.textEncoder().vocabSize(), 1_000_000};
    ModelConfigs wide =
        new ModelConfigs(
            new UNetConfig(
                u.inChannels(),
                u.outChannels(),
                u.blockOutChannels(),
                u.layersPerBlock(),
                u.headsPerBlock(),
                width,
                u.normGroups(),
                u.normEps(),
                u.downAttention(),
                u.upAttention(),
                u.flipSinToCos(),
                u.freqShift(),
                u.sampleSize()),
            c.vae(),
            new TextEncoderConfig(words[0], width, 16, 1, 2, 77, 1e-5f, "quick_gelu"),
            c.mattingHead());
    Path model = SmallModel.folder(folder.resolve("model"), wide, DType.BF16);
    enlarge(model, "text_model.embeddings.token_embedding.weight", words[1], width);
    Path out = Files.createDirectory(folder.resolve("out"));
    List<String> args = SmallModel.generate(model, out.resolve("a.png"), "--dtype", "f16");
    List<String> jvm =
        List.of(
            "-Xmx64m",
            "-XX:ReservedCodeCacheSize=64m",
            "-XX:CompressedClassSpaceSize=32m",
            "-XX:MaxDirectMemorySize=1t");
    Run run = Child.run(folder, "export MALLOC_ARENA_MAX=1; ulimit -v 850000", jvm, args);
    assertEquals(1, run.code(), run::toString);
    assertTrue(BadInput.isOneLine(run.err()), run::toString);
    assertTrue(run.err().contains("out of memory"), run::toString);
    assertTrue(run.err().contains("f16"), run::toString);
    assertEquals(List.of(), files(out));
    if (width == 256) {
      Run enough = Child.run(folder, "", jvm, args);
      assertEquals(0, enough.code(), enough::toString);
    }
  }

  /** A safetensors file with one tensor of F16 whose numbers are a hole. */
  private static Path sparse(Path file, String key, long rows, long columns) throws IOException {
    ObjectNode header = JsonMapper.shared().createObjectNode();
    ObjectNode tensor = header.putObject(key);
    tensor.put("dtype", FileType.F16.name());
    tensor.putArray("shape").add(rows).add(columns);
    tensor.putArray("data_offsets").add(0).add(2 * rows * columns);
    byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
    try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
      out.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(json.length).array());
      out.write(json);
      out.setLength(8 + json.length + 2 * rows * columns);
    }
    return file;
  }

  /** Gives a tensor of the text encoder another shape; its numbers become a hole at the end. */
  private static void enlarge(Path model, String key, long rows, long columns) throws IOException {
    Path file = model.resolve("text_encoder/model.safetensors");
    byte[] good = Files.readAllBytes(file);
    int length = (int) ByteBuffer.wrap(good).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
    ObjectNode header =
        (ObjectNode)
            JsonMapper.shared().readTree(new String(good, 8, length, StandardCharsets.UTF_8));
    // it was written first: what stands behind it moves to the front
    long old = header.get(key).get("data_offsets").get(1).asLong();
    assertEquals(0, header.get(key).get("data_offsets").get(0).asLong());
    long rest = good.length - 8 - length - old;
    header
        .propertyStream()
        .filter(e -> e.getValue().has("data_offsets") && !e.getKey().equals(key))
        .forEach(
            e -> {
              long begin = e.getValue().get("data_offsets").get(0).asLong() - old;
              long end = e.getValue().get("data_offsets").get(1).asLong() - old;
              ((ObjectNode) e.getValue()).putArray("data_offsets").add(begin).add(end);
            });
    ObjectNode tensor = (ObjectNode) header.get(key);
    tensor.putArray("shape").add(rows).add(columns);
    tensor.putArray("data_offsets").add(rest).add(rest + 2 * rows * columns);
    byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
    try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
      out.setLength(0);
      out.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(json.length).array());
      out.write(json);
      out.write(good, 8 + length + (int) old, (int) rest);
      out.setLength(8 + json.length + rest + 2 * rows * columns);
    }
    Path config = model.resolve("text_encoder/config.json");
    Files.writeString(
        config,
        Files.readString(config).replaceAll("\"vocab_size\" : \\d+", "\"vocab_size\" : " + rows));
  }
}
