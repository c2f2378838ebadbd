package dev.viridian.engine.io;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Puts pickles and checkpoints together opcode by opcode. */
public final class PickleWriter {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  PickleWriter() {
    op(0x80, 2);
  }

  PickleWriter op(int... bytes) {
    for (int b : bytes) {
      out.write(b);
    }
    return this;
  }

  PickleWriter ops(String opcodes) {
    out.writeBytes(opcodes.getBytes(StandardCharsets.ISO_8859_1));
    return this;
  }

  PickleWriter text(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    op('X').int32(utf8.length);
    out.writeBytes(utf8);
    return this;
  }

  PickleWriter number(int value) {
    return op('J').int32(value);
  }

  private PickleWriter int32(int value) {
    return op(value & 255, value >> 8 & 255, value >> 16 & 255, value >>> 24);
  }

  PickleWriter global(String module, String name) {
    return ops("c" + module + "\n" + name + "\n");
  }

  /** BINPUT or LONG_BINPUT. */
  PickleWriter put(int index) {
    return op('r').int32(index);
  }

  PickleWriter get(int index) {
    return op('j').int32(index);
  }

  PickleWriter numbers(int... values) {
    op('(');
    for (int value : values) {
      number(value);
    }
    return op('t');
  }

  /** A float tensor on the storage {@code key} of {@code numel} numbers. */
  PickleWriter tensor(String key, int numel, int offset, int[] shape, int[] strides) {
    return tensor("FloatStorage", key, numel, offset, shape, strides, false);
  }

  PickleWriter tensor(
      String storage, String key, int numel, int offset, int[] shape, int[] strides, boolean old) {
    global("torch._utils", "_rebuild_tensor_v2").ops("((").text("storage");
    global("torch", storage).text(key).text("cpu").number(numel).ops(old ? "NtQ" : "tQ");
    number(offset).numbers(shape).numbers(strides).op(0x89);
    return global("collections", "OrderedDict").ops(")RtR");
  }

  byte[] stop() {
    op('.');
    return out.toByteArray();
  }

  /** A zip checkpoint with all tensors of a source, which must be of F32. */
  public static byte[] stateDict(WeightSource source) throws IOException {
    PickleWriter pickle = new PickleWriter().ops("}(");
    Map<String, byte[]> storages = new LinkedHashMap<>();
    for (TensorInfo info : source.tensors().values()) {
      int[] shape = info.shape().stream().mapToInt(Math::toIntExact).toArray();
      int[] strides = new int[shape.length];
      int next = 1;
      for (int d = shape.length - 1; d >= 0; d--) {
        strides[d] = next;
        next *= shape[d];
      }
      String key = Integer.toString(storages.size());
      pickle.text(info.name()).tensor(key, next, 0, shape, strides);
      storages.put(key, source.data(info.name()).toArray(ValueLayout.JAVA_BYTE));
    }
    return zip(pickle.ops("u").stop(), storages);
  }

  /** A zip checkpoint with stored entries. */
  static byte[] zip(byte[] pickle, Map<String, byte[]> storages) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      store(zip, "archive/data.pkl", pickle);
      for (Map.Entry<String, byte[]> storage : storages.entrySet()) {
        store(zip, "archive/data/" + storage.getKey(), storage.getValue());
      }
      store(zip, "archive/byteorder", "little".getBytes(StandardCharsets.UTF_8));
    }
    return bytes.toByteArray();
  }

  private static void store(ZipOutputStream zip, String name, byte[] data) throws IOException {
    CRC32 crc = new CRC32();
    crc.update(data);
    ZipEntry entry = new ZipEntry(name);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(data.length);
    entry.setCrc(crc.getValue());
    zip.putNextEntry(entry);
    zip.write(data);
    zip.closeEntry();
  }

  /** A checkpoint of the old format with one storage of floats. */
  static byte[] legacy(byte[] pickle, String key, float... numbers) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.writeBytes(
        new PickleWriter()
            .op(0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19)
            .stop());
    bytes.writeBytes(new PickleWriter().op('M', 0xe9, 3).stop());
    bytes.writeBytes(new PickleWriter().ops("}").text("little_endian").op(0x88).ops("s").stop());
    bytes.writeBytes(pickle);
    bytes.writeBytes(new PickleWriter().ops("](").text(key).ops("e").stop());
    ByteBuffer data = ByteBuffer.allocate(8 + 4 * numbers.length).order(ByteOrder.LITTLE_ENDIAN);
    data.putLong(numbers.length);
    for (float number : numbers) {
      data.putFloat(number);
    }
    bytes.writeBytes(data.array());
    return bytes.toByteArray();
  }

  static Path write(Path file, byte[] bytes) throws IOException {
    return Files.write(file, bytes);
  }
}
