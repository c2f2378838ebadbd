package dev.viridian.matting.cli;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Random damage to the files of a model, of the kinds that accidents and malice do. */
final class Damage {
  private static final JsonMapper JSON = JsonMapper.shared();

  /** JSON that no honest file has where a number, a name or a list is expected. */
  private static final List<String> HOSTILE =
      List.of(
          "0",
          "-1",
          "1",
          "3",
          "2147483647",
          "2147483648",
          "9223372036854775807",
          "9223372036854775808",
          "-9223372036854775808",
          "1e308",
          "1e-320",
          "0.5",
          "123456789012345678901234567890",
          "null",
          "true",
          "false",
          "\"\"",
          "\"8\"",
          "\"../../etc/passwd\"",
          "\"\\u0000\\ud800\\n\\u202e\"",
          "[]",
          "[0]",
          "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33]",
          "[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]",
          "{}",
          "{\"a\":{\"b\":{\"c\":1}}}",
          "\"F16\"",
          "\"F64\"",
          "\"I64\"",
          "\"BF16\"",
          "[1]",
          "[8,8,1,1]",
          "[4294967296,4294967296]",
          "[9223372036854775807]");

  /** What became of a file: its new content, null where it was removed, and what was done. */
  record Done(byte @Nullable [] content, String what) {}

  private final Random random;

  Damage(Random random) {
    this.random = random;
  }

  /** Damages the content of a file of that name. */
  Done of(String name, byte[] good, List<byte[]> others) {
    if (random.nextInt(40) == 0) {
      return switch (random.nextInt(4)) {
        case 0 -> new Done(null, "removed");
        case 1 -> new Done(new byte[0], "emptied");
        case 2 -> new Done(others.get(random.nextInt(others.size())).clone(), "another file");
        default -> new Done(noise(1 + random.nextInt(4096)), "noise");
      };
    }
    boolean byMeaning = random.nextInt(3) > 0;
    if (byMeaning && name.endsWith(".safetensors")) {
      return header(good);
    }
    if (byMeaning && name.endsWith(".json")) {
      return new Done(json(good), "json");
    }
    if (byMeaning && name.endsWith(".txt")) {
      return new Done(lines(good), "lines");
    }
    return bytes(good, good.length);
  }

  private byte[] noise(int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  /** One to four of: cut, bits flipped, bytes set, put in, taken out, before {@code end}. */
  private Done bytes(byte[] good, int end) {
    byte[] bytes = good.clone();
    StringBuilder what = new StringBuilder();
    for (int n = 1 + random.nextInt(4); n > 0 && bytes.length > 0; n--) {
      int at = random.nextInt(Math.max(1, Math.min(end, bytes.length)));
      int count = 1 + random.nextInt(16);
      switch (random.nextInt(6)) {
        case 0 -> {
          bytes = Arrays.copyOf(bytes, at);
          what.append(" cut");
        }
        case 1 -> {
          bytes[at] ^= (byte) (1 << random.nextInt(8));
          what.append(" bit");
        }
        case 2 -> {
          Arrays.fill(
              bytes,
              at,
              Math.min(bytes.length, at + count),
              (byte) (random.nextBoolean() ? 0xff : 0));
          what.append(" filled");
        }
        case 3 -> {
          bytes = join(bytes, at, noise(count), at);
          what.append(" inserted");
        }
        case 4 -> {
          bytes = join(bytes, at, new byte[0], Math.min(bytes.length, at + count));
          what.append(" deleted");
        }
        default -> {
          int to = Math.min(bytes.length, at + count);
          bytes = join(bytes, to, Arrays.copyOfRange(bytes, at, to), to);
          what.append(" doubled");
        }
      }
    }
    return new Done(bytes, "bytes" + what);
  }

  /** The bytes before {@code from}, {@code middle}, and those from {@code to} on. */
  private static byte[] join(byte[] bytes, int from, byte[] middle, int to) {
    return ByteBuffer.allocate(from + middle.length + bytes.length - to)
        .put(bytes, 0, from)
        .put(middle)
        .put(bytes, to, bytes.length - to)
        .array();
  }

  /** Damage to the header of a safetensors file. */
  private Done header(byte[] good) {
    ByteBuffer in = ByteBuffer.wrap(good).order(ByteOrder.LITTLE_ENDIAN);
    int length = (int) in.getLong(0);
    switch (random.nextInt(6)) {
      case 0 -> {
        byte[] bytes = good.clone();
        long[] lengths = {
          0, 1, 2, -1, length - 1, length + 1, good.length, 1L << 40, Long.MIN_VALUE, 99_999_999
        };
        long claimed = lengths[random.nextInt(lengths.length)];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(0, claimed);
        return new Done(bytes, "header length " + claimed);
      }
      case 1 -> {
        return bytes(good, 8 + length);
      }
      default -> {
        byte[] json = json(Arrays.copyOfRange(good, 8, 8 + length));
        byte[] out = join(good, 8, json, 8 + length);
        ByteBuffer.wrap(out).order(ByteOrder.LITTLE_ENDIAN).putLong(0, json.length);
        return new Done(out, "header json");
      }
    }
  }

  /** One to three members of a JSON text changed, removed, renamed, doubled or exchanged. */
  private byte[] json(byte[] good) {
    JsonNode root;
    try {
      root = JSON.readTree(good);
    } catch (JacksonException e) {
      throw new AssertionError("only sound files are damaged", e);
    }
    for (int n = 1 + random.nextInt(3); n > 0; n--) {
      edit(root);
    }
    String text = root.toString();
    if (random.nextInt(12) == 0 && text.startsWith("{\"")) {
      // the first member twice
      int end = text.indexOf("\":") + 2;
      text = "{" + text.substring(1, end) + "0," + text.substring(1);
    }
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private void edit(JsonNode root) {
    List<JsonNode> containers = new ArrayList<>();
    collect(root, containers);
    JsonNode at = containers.get(random.nextInt(containers.size()));
    if (at instanceof ObjectNode object && !object.isEmpty()) {
      List<String> names = new ArrayList<>(object.propertyNames());
      String name = names.get(random.nextInt(names.size()));
      String other = names.get(random.nextInt(names.size()));
      switch (random.nextInt(5)) {
        case 0 -> object.remove(name);
        case 1 -> object.set(name + "x", object.remove(name));
        case 2 -> object.set(name, object.get(other).deepCopy());
        default -> object.set(name, hostile());
      }
    } else if (at instanceof ArrayNode array && !array.isEmpty()) {
      int index = random.nextInt(array.size());
      switch (random.nextInt(4)) {
        case 0 -> array.remove(index);
        case 1 -> array.add(array.get(index).deepCopy());
        default -> array.set(index, hostile());
      }
    }
  }

  private JsonNode hostile() {
    return JSON.readTree(HOSTILE.get(random.nextInt(HOSTILE.size())));
  }

  private static void collect(JsonNode node, List<JsonNode> containers) {
    if (node.isContainer()) {
      containers.add(node);
      node.forEach(inner -> collect(inner, containers));
    }
  }

  /** One to three lines of a text changed. */
  private byte[] lines(byte[] good) {
    List<String> lines = new ArrayList<>(new String(good, StandardCharsets.UTF_8).lines().toList());
    for (int n = 1 + random.nextInt(3); n > 0; n--) {
      int at = random.nextInt(lines.size());
      switch (random.nextInt(7)) {
        case 0 -> lines.add(at, lines.get(random.nextInt(lines.size())));
        case 1 -> lines.set(at, "");
        case 2 -> lines.set(at, lines.get(at) + " x");
        case 3 -> lines.set(at, "no such");
        case 4 -> lines.set(at, "a".repeat(random.nextInt(20_000)) + " b");
        case 5 -> Collections.shuffle(lines, random);
        default -> lines.add(at, "\u0000 \ufeff");
      }
    }
    return String.join("\n", lines).getBytes(StandardCharsets.UTF_8);
  }
}
