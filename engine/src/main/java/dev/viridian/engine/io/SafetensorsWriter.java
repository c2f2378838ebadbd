package dev.viridian.engine.io;

import dev.viridian.engine.InputException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/**
 * Writes a safetensors file: first all tensors are announced, then {@link #write} asks for their
 * numbers one tensor at a time, so that they need never be in memory together. Tensors lie in the
 * file in the order of their announcement; the data begin at a multiple of eight bytes.
 *
 * <p>The file appears whole or not at all, see {@link AtomicFile}. A writer belongs to one thread.
 */
public final class SafetensorsWriter {
  private static final ValueLayout.OfLong LENGTH =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final JsonFactory JSON = new JsonFactory();

  private final Map<String, String> metadata = new LinkedHashMap<>();
  private final Map<TensorInfo, Content> contents = new LinkedHashMap<>();
  private final Map<String, TensorInfo> names = new LinkedHashMap<>();

  /** What gives a tensor's numbers when their turn comes. */
  @FunctionalInterface
  public interface Content {
    /**
     * Hands the row-major little-endian bytes to {@code out}, in as many pieces as it likes; a
     * piece may be reused once {@code out} returns.
     */
    void writeTo(Consumer<MemorySegment> out);
  }

  /** Adds text to carry beside the tensors ({@code "format"} → {@code "pt"}). */
  public SafetensorsWriter metadata(String key, String value) {
    metadata.put(key, value);
    return this;
  }

  /**
   * Announces a tensor.
   *
   * @throws IllegalArgumentException if the name is taken
   */
  public SafetensorsWriter add(TensorInfo info, Content content) {
    if (info.name().equals("__metadata__") || names.put(info.name(), info) != null) {
      throw new IllegalArgumentException(
          "SafetensorsWriter.add: the name " + Text.quote(info.name()) + " is taken");
    }
    contents.put(info, content);
    return this;
  }

  /** Announces a tensor whose numbers are in memory and stay there until {@link #write} is done. */
  public SafetensorsWriter add(TensorInfo info, MemorySegment data) {
    if (data.byteSize() != info.bytes()) {
      throw new IllegalArgumentException(
          "SafetensorsWriter.add: "
              + Text.quote(info.name())
              + " takes "
              + info.bytes()
              + " bytes, given "
              + data.byteSize());
    }
    return add(info, out -> out.accept(data));
  }

  /**
   * Writes the file, in place of one that may be there.
   *
   * @throws InputException if the file cannot be written there
   * @throws WriteException if writing fails once it has begun
   * @throws IllegalStateException if a tensor's content is not of the announced size
   */
  public void write(Path target) {
    byte[] header = header(target);
    AtomicFile.write(target, channel -> writeAll(channel, header));
  }

  private void writeAll(FileChannel channel, byte[] header) throws IOException {
    try (StagedOutput out = new StagedOutput(channel)) {
      MemorySegment length = MemorySegment.ofArray(new byte[Long.BYTES]);
      length.set(LENGTH, 0, header.length);
      out.write(length);
      out.write(MemorySegment.ofArray(header));
      for (Map.Entry<TensorInfo, Content> entry : contents.entrySet()) {
        TensorInfo info = entry.getKey();
        long before = out.written();
        entry.getValue().writeTo(out::write);
        if (out.written() - before != info.bytes()) {
          throw new IllegalStateException(
              "SafetensorsWriter: "
                  + Text.quote(info.name())
                  + " takes "
                  + info.bytes()
                  + " bytes, its content gave "
                  + (out.written() - before));
        }
      }
      out.flush();
    }
  }

  private byte[] header(Path target) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = JSON.createGenerator(ObjectWriteContext.empty(), bytes)) {
      json.writeStartObject();
      if (!metadata.isEmpty()) {
        json.writeName("__metadata__").writeStartObject();
        metadata.forEach(
            (key, value) ->
                json.writeName(encodable(target, key)).writeString(encodable(target, value)));
        json.writeEndObject();
      }
      long at = 0;
      for (TensorInfo info : contents.keySet()) {
        json.writeName(encodable(target, info.name())).writeStartObject();
        json.writeName("dtype").writeString(info.type().name());
        json.writeName("shape").writeStartArray();
        info.shape().forEach(json::writeNumber);
        json.writeEndArray();
        json.writeName("data_offsets").writeStartArray();
        json.writeNumber(at);
        at = Math.addExact(at, info.bytes());
        json.writeNumber(at);
        json.writeEndArray().writeEndObject();
      }
      json.writeEndObject();
    }
    int length = bytes.size();
    int padded = length + 7 & ~7;
    if (padded > StrictJson.MAX_BYTES) {
      throw new InputException(
          Text.line(target.toString())
              + ": the header would have "
              + padded
              + " bytes, a safetensors file allows "
              + StrictJson.MAX_BYTES);
    }
    byte[] out = Arrays.copyOf(bytes.toByteArray(), padded);
    Arrays.fill(out, length, padded, (byte) ' ');
    return out;
  }

  /** {@code text}, unless it has half a surrogate pair, which no UTF-8 can hold. */
  private static String encodable(Path target, String text) {
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
      throw new InputException(
          Text.line(target.toString())
              + ": the text "
              + Text.quote(text)
              + " cannot be written as UTF-8");
    }
    return text;
  }
}
