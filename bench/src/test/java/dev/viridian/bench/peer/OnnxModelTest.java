package dev.viridian.bench.peer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.bench.shapes.OpCase;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The bytes are read back by what protocol buffers say of them. */
final class OnnxModelTest {
  /** A field: a number, or the bytes of a text or message. */
  private record Field(int number, long value, byte[] bytes) {
    String text() {
      return new String(bytes, StandardCharsets.UTF_8);
    }

    List<Field> message() {
      return read(bytes);
    }
  }

  private static List<Field> read(byte[] message) {
    ByteBuffer in = ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN);
    List<Field> fields = new ArrayList<>();
    while (in.hasRemaining()) {
      long key = varint(in);
      int number = (int) (key >>> 3);
      switch ((int) (key & 7)) {
        case 0 -> fields.add(new Field(number, varint(in), new byte[0]));
        case 2 -> {
          byte[] bytes = new byte[Math.toIntExact(varint(in))];
          in.get(bytes);
          fields.add(new Field(number, 0, bytes));
        }
        case 5 -> fields.add(new Field(number, in.getInt(), new byte[0]));
        default -> throw new AssertionError("wire type of key " + key);
      }
    }
    return fields;
  }

  private static long varint(ByteBuffer in) {
    long value = 0;
    for (int shift = 0; ; shift += 7) {
      byte b = in.get();
      value |= (long) (b & 0x7F) << shift;
      if (b >= 0) {
        return value;
      }
    }
  }

  private static List<Field> all(List<Field> message, int number) {
    return message.stream().filter(f -> f.number == number).toList();
  }

  private static Field one(List<Field> message, int number) {
    List<Field> fields = all(message, number);
    assertEquals(1, fields.size(), "fields " + number);
    return fields.getFirst();
  }

  static Stream<OpRequest> requests() {
    return OpCase.all().stream()
        .filter(op -> op.inputs().stream().allMatch(s -> OpCase.elements(s) < 2_000_000))
        .map(op -> new OpRequest(op.request(), op.inputs(), op.output()));
  }

  private static List<float[]> zeros(OpRequest r) {
    return r.shapes().stream().map(s -> new float[(int) OpCase.elements(s)]).toList();
  }

  @ParameterizedTest
  @MethodSource("requests")
  void everyValueIsMadeBeforeItIsRead(OpRequest r) {
    List<Field> model = read(OnnxModel.of(r, zeros(r)));
    assertEquals(10, one(model, 1).value);
    List<Field> graph = one(model, 7).message();
    Set<String> known = new HashSet<>();
    for (Field constant : all(graph, 5)) {
      List<Field> tensor = constant.message();
      long elements = all(tensor, 1).stream().mapToLong(Field::value).reduce(1, (a, b) -> a * b);
      assertEquals(4 * elements, one(tensor, 9).bytes.length);
      assertTrue(known.add(one(tensor, 8).text()));
    }
    for (Field input : all(graph, 11)) {
      assertTrue(known.add(one(input.message(), 1).text()));
    }
    assertEquals(r.shapes().size(), known.size());
    for (Field node : all(graph, 1)) {
      all(node.message(), 1).forEach(in -> assertTrue(known.contains(in.text()), in.text()));
      all(node.message(), 2).forEach(out -> assertTrue(known.add(out.text()), out.text()));
    }
    assertTrue(known.contains("y"));
    assertEquals("y", one(one(graph, 12).message(), 1).text());
  }

  @Test
  void aConvolutionHasPyTorchsOrderAndItsAttributes() {
    OpRequest r =
        new OpRequest(
            Map.of("op", "conv", "kernel", 1, "stride", 2, "pad", 0),
            List.of(new long[] {1, 3, 5, 2}, new long[] {300, 1, 1, 2}, new long[] {300}),
            new long[] {1, 2, 3, 300});
    List<Field> graph = one(read(OnnxModel.of(r, zeros(r))), 7).message();
    List<Field> input = one(one(one(graph, 11).message(), 2).message(), 1).message();
    assertEquals(
        List.of(1L, 2L, 3L, 5L),
        all(one(input, 2).message(), 1).stream().map(d -> one(d.message(), 1).value).toList());
    List<Field> filter = all(graph, 5).getFirst().message();
    assertEquals(List.of(300L, 2L, 1L, 1L), all(filter, 1).stream().map(Field::value).toList());
    List<Field> strides =
        all(one(graph, 1).message(), 5).stream()
            .map(Field::message)
            .filter(a -> one(a, 1).text().equals("strides"))
            .findFirst()
            .orElseThrow();
    assertEquals(List.of(2L, 2L), all(strides, 8).stream().map(Field::value).toList());
  }

  @Test
  void negativeNumbersTakeTenBytesAsTheyShould() {
    OpRequest r =
        new OpRequest(
            Map.of("op", "geglu", "rows", 1, "cols", 2),
            List.of(new long[] {1, 4}),
            new long[] {1, 2});
    List<Field> graph = one(read(OnnxModel.of(r, zeros(r))), 7).message();
    List<Field> split = all(graph, 1).getFirst().message();
    assertEquals("Split", one(split, 4).text());
    assertEquals(-1, one(all(split, 5).getFirst().message(), 3).value);
  }

  @Test
  void channelsComeSecond() {
    assertArrayEquals(
        new float[] {1, 3, 5, 2, 4, 6},
        OpRequest.channelsFirst(new float[] {1, 2, 3, 4, 5, 6}, new long[] {1, 3, 1, 2}));
  }
}
