package dev.viridian.engine.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.InputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsWriterTest {
  @TempDir Path dir;

  private static TensorInfo info(String name, FileType type, Long... shape) {
    return new TensorInfo(name, type, List.of(shape));
  }

  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.list(dir)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void whatIsWrittenIsReadAgain() throws IOException {
    Random random = new Random(7);
    SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
    writer.metadata("quote\"\n", "値");
    Map<String, byte[]> truth = new LinkedHashMap<>();
    for (FileType type : FileType.values()) {
      for (long[] shape : new long[][] {{}, {0, 3}, {3, 5}, {1, 300_001}}) {
        List<Long> sizes = Arrays.stream(shape).boxed().toList();
        TensorInfo info = new TensorInfo(type + "." + sizes + ".\"\n名", type, sizes);
        byte[] bytes = new byte[(int) info.bytes()];
        random.nextBytes(bytes);
        truth.put(info.name(), bytes);
        writer.add(info, MemorySegment.ofArray(bytes));
      }
    }
    Path path = dir.resolve("all.safetensors");
    writer.write(path);
    assertEquals(List.of("all.safetensors"), files());
    try (Safetensors file = Safetensors.open(path)) {
      assertEquals(List.copyOf(truth.keySet()), List.copyOf(file.tensors().keySet()));
      assertEquals(Map.of("format", "pt", "quote\"\n", "値"), file.metadata());
      truth.forEach(
          (name, bytes) ->
              assertArrayEquals(bytes, file.data(name).toArray(ValueLayout.JAVA_BYTE), name));
    }
    byte[] length = Files.readAllBytes(path);
    assertEquals(0, length[0] & 7, "the data begin at a multiple of eight");
  }

  @Test
  void contentMayComeInPiecesFromMemoryOfAnyKind() {
    Path path = dir.resolve("w.safetensors");
    new SafetensorsWriter()
        .add(
            info("a", FileType.F32, 4L),
            out -> {
              float[] piece = {1, 2};
              out.accept(MemorySegment.ofArray(piece));
              piece[0] = 3;
              out.accept(MemorySegment.ofArray(piece));
            })
        .write(path);
    try (Safetensors file = Safetensors.open(path)) {
      assertArrayEquals(new float[] {1, 2, 3, 2}, file.data("a").toArray(ValueLayout.JAVA_FLOAT));
    }
  }

  @Test
  void nothingHalfWrittenIsLeftAndTheOldFileStays() throws IOException {
    Path path = dir.resolve("w.safetensors");
    MemorySegment big = MemorySegment.ofArray(new byte[3 << 20]);
    List<SafetensorsWriter.Content> failing =
        List.of(
            out -> {
              out.accept(big);
              throw new OutOfMemoryError("as if");
            },
            out -> {
              out.accept(big);
              throw new IllegalArgumentException("as if");
            },
            out -> {
              out.accept(big);
              throw new UncheckedIOException(new IOException("No space left on device"));
            },
            out -> out.accept(big.asSlice(1)),
            out -> {
              out.accept(big);
              out.accept(big.asSlice(0, 1));
            },
            out -> {
              Thread.currentThread().interrupt();
              out.accept(big);
            });
    for (boolean existing : new boolean[] {false, true}) {
      if (existing) {
        Files.writeString(path, "old");
      }
      for (SafetensorsWriter.Content content : failing) {
        SafetensorsWriter writer =
            new SafetensorsWriter().add(info("a", FileType.U8, big.byteSize()), content);
        assertThrows(Throwable.class, () -> writer.write(path));
        Thread.interrupted();
        assertEquals(existing ? List.of("w.safetensors") : List.of(), files());
      }
    }
    assertEquals("old", Files.readString(path));
    new SafetensorsWriter().write(path);
    try (Safetensors file = Safetensors.open(path)) {
      assertTrue(file.tensors().isEmpty());
    }
  }

  @Test
  void aFullDiskIsSaidInOneLine() {
    Path path = dir.resolve("w.safetensors");
    SafetensorsWriter writer =
        new SafetensorsWriter()
            .add(
                info("a", FileType.U8, 1L),
                out -> {
                  throw new UncheckedIOException(new IOException("No space left on device"));
                });
    String message = assertThrows(WriteException.class, () -> writer.write(path)).getMessage();
    assertEquals(path + ": cannot be written: No space left on device", message);
  }

  @Test
  void refusesPlacesThatCannotBeWritten() throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter();
    assertThrows(InputException.class, () -> writer.write(dir));
    assertThrows(InputException.class, () -> writer.write(dir.resolve("no/such/folder")));
    assertThrows(InputException.class, () -> writer.write(Path.of("/")));
    Path device = Path.of("/dev/null");
    if (Files.exists(device)) {
      assertThrows(InputException.class, () -> writer.write(device));
    }
    assertEquals(List.of(), files());
  }

  @Test
  void refusesNamesThatTheFormatCannotHold() {
    SafetensorsWriter writer = new SafetensorsWriter();
    MemorySegment one = MemorySegment.ofArray(new byte[1]);
    writer.add(info("a", FileType.U8), one);
    assertThrows(IllegalArgumentException.class, () -> writer.add(info("a", FileType.U8), one));
    assertThrows(
        IllegalArgumentException.class, () -> writer.add(info("__metadata__", FileType.U8), one));
    assertThrows(IllegalArgumentException.class, () -> writer.add(info("b", FileType.I16), one));
    writer.add(info("\ud800", FileType.U8), one);
    assertThrows(InputException.class, () -> writer.write(dir.resolve("w.safetensors")));
  }
}
