package dev.viridian.engine.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.InputException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SafetensorsTest {
  @TempDir Path dir;

  static byte[] file(String header, int dataBytes) {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    ByteBuffer out =
        ByteBuffer.allocate(8 + json.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
    out.putLong(json.length).put(json);
    for (int i = 0; i < dataBytes; i++) {
      out.put((byte) i);
    }
    return out.array();
  }

  private Path write(byte[] bytes) throws IOException {
    return Files.write(dir.resolve("w.safetensors"), bytes);
  }

  private static String entry(String name, String dtype, String shape, String offsets) {
    return "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":%s}"
        .formatted(name, dtype, shape, offsets);
  }

  @Test
  void readsTensorsMetadataAndOddCorners() throws IOException {
    String header =
        "{\"__metadata__\":{\"format\":\"pt\",\"名\":\"\"},"
            + String.join(
                ",",
                entry("b", "I16", "[2]", "[8,12]"),
                entry("a", "F32", "[2,1]", "[0,8]"),
                entry("scalar", "U8", "[]", "[12,13]"),
                entry("empty", "F64", "[0,5]", "[13,13]"))
            + "}   ";
    try (Safetensors file = Safetensors.open(write(file(header, 13)))) {
      assertEquals(List.of("a", "b", "scalar", "empty"), List.copyOf(file.tensors().keySet()));
      assertEquals(Map.of("format", "pt", "名", ""), file.metadata());
      assertEquals(List.of(2L, 1L), file.info("a").shape());
      assertEquals(0x03020100, file.data("a").get(ValueLayout.JAVA_INT, 0));
      assertEquals(0x0908, file.data("b").get(ValueLayout.JAVA_SHORT, 0));
      assertEquals(1, file.info("scalar").elements());
      assertEquals(12, file.data("scalar").get(ValueLayout.JAVA_BYTE, 0));
      assertEquals(0, file.data("empty").byteSize());
      assertTrue(file.data("a").isReadOnly());
      assertThrows(InputException.class, () -> file.data("c"));
    }
  }

  @Test
  void aFileThatIsCutWhileInUseIsNoticed() throws IOException {
    Path path = write(file("{" + entry("a", "F32", "[2]", "[0,8]") + "}", 8));
    long size = Files.size(path);
    try (Safetensors file = Safetensors.open(path)) {
      file.requireWhole();
      Path other = Files.write(path.resolveSibling("other"), new byte[1]);
      Files.move(other, path, StandardCopyOption.REPLACE_EXISTING); // harmless: the old one stays
      file.requireWhole();
    }
    Files.write(path, file("{" + entry("a", "F32", "[2]", "[0,8]") + "}", 8));
    try (Safetensors file = Safetensors.open(path)) {
      try (RandomAccessFile cut = new RandomAccessFile(path.toFile(), "rw")) {
        cut.setLength(size - 1);
      }
      String message = assertThrows(InputException.class, file::requireWhole).getMessage();
      assertTrue(message.contains("cut to " + (size - 1) + " bytes"), message);
    }
  }

  @Test
  void alignsWhatTheFileDoesNot() throws IOException {
    String header = "{" + entry("a", "F32", "[2]", "[0,8]") + "}";
    for (int pad = 0; pad < 8; pad++) {
      try (Safetensors file = Safetensors.open(write(file(header + " ".repeat(pad), 8)))) {
        assertEquals(0x03020100, file.data("a").get(ValueLayout.JAVA_INT, 0));
        assertEquals(0x07060504, file.data("a").get(ValueLayout.JAVA_INT, 4));
      }
    }
  }

  @Test
  void readsPartsWithoutTheMappingIntoAnyMemory() throws IOException {
    String header =
        "{" + entry("x", "U8", "[1]", "[0,1]") + "," + entry("a", "F32", "[2]", "[1,9]") + "}";
    try (Safetensors file = Safetensors.open(write(file(header, 9)))) {
      byte[] part = new byte[3];
      file.read("a", 2, MemorySegment.ofArray(part));
      assertArrayEquals(new byte[] {3, 4, 5}, part);
      float[] floats = new float[2];
      file.read("a", 0, MemorySegment.ofArray(floats));
      assertEquals(0x04030201, Float.floatToRawIntBits(floats[0]));
      MemorySegment dest = MemorySegment.ofArray(new byte[9]);
      assertThrows(IllegalArgumentException.class, () -> file.read("a", 0, dest));
      assertThrows(IllegalArgumentException.class, () -> file.read("a", -1, dest.asSlice(0, 1)));
      assertThrows(
          IllegalArgumentException.class, () -> file.read("a", Long.MAX_VALUE, dest.asSlice(0, 1)));
    }
  }

  @Test
  void anInterruptedReaderDoesNotSpoilTheFileForOthers() throws IOException {
    try (Safetensors file =
        Safetensors.open(write(file("{" + entry("a", "U8", "[4]", "[0,4]") + "}", 4)))) {
      MemorySegment dest = MemorySegment.ofArray(new byte[4]);
      Thread.currentThread().interrupt();
      assertThrows(UncheckedIOException.class, () -> file.read("a", 0, dest));
      assertTrue(Thread.interrupted());
      file.read("a", 0, dest);
      assertEquals(3, dest.get(ValueLayout.JAVA_BYTE, 3));
    }
  }

  @Test
  void usingAClosedFileIsAnError() throws IOException {
    Safetensors file =
        Safetensors.open(write(file("{" + entry("a", "U8", "[4]", "[0,4]") + "}", 4)));
    MemorySegment data = file.data("a");
    file.close();
    file.close();
    assertThrows(IllegalStateException.class, () -> data.get(ValueLayout.JAVA_BYTE, 0));
    assertThrows(IllegalStateException.class, () -> file.data("a"));
    MemorySegment dest = MemorySegment.ofArray(new byte[4]);
    assertThrows(IllegalStateException.class, () -> file.read("a", 0, dest));
  }

  static Stream<Arguments> hostileHeaders() {
    String good = entry("a", "F32", "[2]", "[0,8]");
    String deep = "[".repeat(100_000);
    List<Arguments> out = new ArrayList<>();
    String[][] rows = {
      {"no object", "[]", "does not begin"},
      {"bad JSON", "{\"a\":", "JSON|no end"},
      {"no quotes", "{a:1}", "JSON"},
      {"after the end", "{" + good + "}{}", "after its closing"},
      {"text after the end", "{" + good + "} x", "JSON"},
      {"deep nesting", "{\"a\":" + deep, "array|object|JSON"},
      {"deep metadata", "{\"__metadata__\":{\"k\":" + deep, "not a string"},
      {"deep in an unknown field", "{\"a\":{\"zz\":" + deep, "nesting"},
      {"repeated tensor", "{" + good + "," + good + "}", "uplicate"},
      {
        "repeated field",
        "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
        "uplicate"
      },
      {
        "repeated metadata", "{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}," + good + "}", "uplicate"
      },
      {
        "overlap",
        "{" + entry("a", "U8", "[6]", "[0,6]") + "," + entry("b", "U8", "[4]", "[4,8]") + "}",
        "overlap"
      },
      {
        "same range",
        "{" + entry("a", "U8", "[8]", "[0,8]") + "," + entry("b", "U8", "[8]", "[0,8]") + "}",
        "overlap"
      },
      {
        "gap",
        "{" + entry("a", "U8", "[3]", "[0,3]") + "," + entry("b", "U8", "[4]", "[4,8]") + "}",
        "gap"
      },
      {"gap before", "{" + entry("a", "U8", "[7]", "[1,8]") + "}", "gap"},
      {"trailing bytes", "{" + entry("a", "U8", "[4]", "[0,4]") + "}", "4 bytes follow"},
      {"nothing but bytes", "{}", "8 bytes follow"},
      {"beyond the end", "{" + entry("a", "U8", "[9]", "[0,9]") + "}", "cut short"},
      {"negative offset", "{" + entry("a", "U8", "[8]", "[-8,0]") + "}", "no range"},
      {"reversed", "{" + entry("a", "U8", "[8]", "[8,0]") + "}", "no range"},
      {
        "huge offset",
        "{" + entry("a", "U8", "[8]", "[9223372036854775799,9223372036854775807]") + "}",
        "ends at byte"
      },
      {
        "offset beyond 64 bits",
        "{" + entry("a", "U8", "[8]", "[0,18446744073709551616]") + "}",
        "64 bits"
      },
      {"fractional offset", "{" + entry("a", "U8", "[8]", "[0,8.0]") + "}", "not an integer"},
      {"exponent", "{" + entry("a", "U8", "[8]", "[0,8e0]") + "}", "not an integer"},
      {"one offset", "{" + entry("a", "U8", "[8]", "[8]") + "}", "expected 2"},
      {"three offsets", "{" + entry("a", "U8", "[8]", "[0,8,8]") + "}", "more than 2"},
      {"text offset", "{" + entry("a", "U8", "[8]", "\"0\"") + "}", "not an array"},
      {"too few bytes", "{" + entry("a", "F32", "[3]", "[0,8]") + "}", "takes 12"},
      {"too many bytes", "{" + entry("a", "F32", "[1]", "[0,8]") + "}", "takes 4"},
      {"negative size", "{" + entry("a", "U8", "[-8]", "[0,8]") + "}", "negative"},
      {"two negative sizes", "{" + entry("a", "U8", "[-2,-4]", "[0,8]") + "}", "negative"},
      {
        "size overflow",
        "{" + entry("a", "U8", "[4294967296,4294967296,4294967296]", "[0,0]") + "}",
        "overflows"
      },
      {
        "size overflow to 8",
        "{" + entry("a", "F32", "[4611686018427387905,2]", "[0,8]") + "}",
        "overflows"
      },
      {
        "zero hides overflow",
        "{" + entry("a", "U8", "[9223372036854775807,9223372036854775807,0]", "[0,0]") + "}",
        "overflows"
      },
      {
        "size beyond 64 bits",
        "{" + entry("a", "U8", "[99999999999999999999999]", "[0,8]") + "}",
        "64 bits"
      },
      {
        "rank 33",
        "{" + entry("a", "U8", "[" + "1,".repeat(32) + "8]", "[0,8]") + "}",
        "more than 32"
      },
      {"unknown dtype", "{" + entry("a", "F31", "[2]", "[0,8]") + "}", "unknown dtype 'F31'"},
      {"dtype of lower case", "{" + entry("a", "f32", "[2]", "[0,8]") + "}", "unknown dtype"},
      {"no dtype", "{\"a\":{\"shape\":[8],\"data_offsets\":[0,8]}}", "no dtype"},
      {"no shape", "{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,8]}}", "no shape"},
      {"no offsets", "{\"a\":{\"dtype\":\"U8\",\"shape\":[8]}}", "no data_offsets"},
      {"null tensor", "{\"a\":null}", "not an object"},
      {"metadata number", "{\"__metadata__\":{\"k\":1}," + good + "}", "'k' is not a string"},
      {"metadata object", "{\"__metadata__\":{\"k\":{}}," + good + "}", "not a string"},
      {"metadata list", "{\"__metadata__\":[]," + good + "}", "not an object"},
      {"name with line breaks", "{\"a\\nb\\u0085\":null}", "'a\\\\nb.u0085' is not an object"},
    };
    for (String[] row : rows) {
      out.add(Arguments.of((Object[]) row));
    }
    return out.stream();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("hostileHeaders")
  void refusesWhatIsNotSound(String name, String header, String says) throws IOException {
    refuse(write(file(header, 8)), says);
  }

  private static void refuse(Path path, String says) {
    String message = assertThrows(InputException.class, () -> Safetensors.open(path)).getMessage();
    assertFalse(message.chars().anyMatch(Character::isISOControl), message);
    assertTrue(message.startsWith(path.toString()), message);
    assertTrue(message.matches(".*(" + says + ").*"), message);
    assertTrue(message.length() < 1000, message);
  }

  @Test
  void refusesLiesAboutTheHeaderWithoutReadingIt() throws IOException {
    byte[] good = file("{" + entry("a", "F32", "[2]", "[0,8]") + "}", 8);
    for (long length : new long[] {-1, Long.MIN_VALUE, 1L << 30, 100_000_001, 1L << 62}) {
      ByteBuffer.wrap(good).order(ByteOrder.LITTLE_ENDIAN).putLong(0, length);
      refuse(write(good), "at most 100000000");
    }
    for (long length : new long[] {100_000_000, good.length - 7}) {
      ByteBuffer.wrap(good).order(ByteOrder.LITTLE_ENDIAN).putLong(0, length);
      refuse(write(good), "cut short");
    }
    ByteBuffer.wrap(good).order(ByteOrder.LITTLE_ENDIAN).putLong(0, 0);
    refuse(write(good), "does not begin");
    // a sparse file whose header really is that long
    Path big = dir.resolve("big.safetensors");
    try (RandomAccessFile out = new RandomAccessFile(big.toFile(), "rw")) {
      out.setLength(2L << 30);
      out.writeLong(Long.reverseBytes(1L << 30));
    }
    refuse(big, "at most 100000000");
  }

  @Test
  void refusesEveryTruncation() throws IOException {
    byte[] good =
        file("{\"__metadata__\":{\"k\":\"v\"}," + entry("a", "F32", "[2]", "[0,8]") + "}", 8);
    for (int length = 0; length < good.length; length++) {
      Path path = write(Arrays.copyOf(good, length));
      refuse(path, ".");
    }
  }

  @Test
  void refusesWhatIsNoFile() throws IOException {
    refuse(dir, "is a folder");
    refuse(dir.resolve("absent"), "no such file");
    Path empty = Files.createFile(dir.resolve("empty"));
    refuse(empty, "is empty");
    Path device = Path.of("/dev/zero");
    if (Files.exists(device)) {
      refuse(device, "not a regular file");
    }
  }

  @Test
  void mutationsAreReadOrRefusedAndNothingElse() throws IOException {
    byte[] good =
        file(
            "{\"__metadata__\":{\"format\":\"pt\"},"
                + entry("conv.weight", "F16", "[2,3]", "[0,12]")
                + ","
                + entry("conv.bias", "F32", "[1]", "[12,16]")
                + "}",
            16);
    Random random = new Random(20260101);
    int read = 0;
    int rounds = 2000;
    for (int round = 0; round < rounds; round++) {
      byte[] bytes = Mutations.mutate(good, random);
      Path path = write(bytes);
      try (Safetensors file = Safetensors.open(path)) {
        for (String key : file.tensors().keySet()) {
          file.data(key).toArray(ValueLayout.JAVA_BYTE);
        }
        read++;
      } catch (InputException e) {
        assertFalse(e.getMessage().chars().anyMatch(Character::isISOControl), e.getMessage());
      }
    }
    assertTrue(read > 0 && read < rounds, read + " of " + rounds + " were read");
  }
}
