package dev.viridian.engine.io;

import dev.viridian.engine.InputException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonToken;

/**
 * A safetensors file: eight bytes header length (little-endian), a JSON header
 *
 * <pre>{"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …,
 *  "__metadata__": {"key": "text", …}}</pre>
 *
 * padded with spaces, then the numbers. The data must be covered exactly: no gap, no overlap,
 * nothing behind. Data are mapped where they lie; only a tensor that the file does not align to the
 * size of its numbers is copied when first asked for. Thread-safe but for {@link #close}.
 */
public final class Safetensors implements WeightSource {
  private static final ValueLayout.OfLong LENGTH =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final OpenFile file;
  private final long dataStart;
  private final Map<String, TensorInfo> tensors;
  private final Map<String, Long> offsets;
  private final Map<String, String> metadata;
  private final Map<String, MemorySegment> aligned = new ConcurrentHashMap<>();

  private Safetensors(
      OpenFile file, long dataStart, List<Entry> entries, Map<String, String> metadata) {
    this.file = file;
    this.dataStart = dataStart;
    Map<String, TensorInfo> infos = new LinkedHashMap<>();
    Map<String, Long> starts = new HashMap<>();
    for (Entry entry : entries) {
      infos.put(entry.info.name(), entry.info);
      starts.put(entry.info.name(), entry.begin);
    }
    this.tensors = Collections.unmodifiableMap(infos);
    this.offsets = starts;
    this.metadata = Collections.unmodifiableMap(metadata);
  }

  private record Entry(TensorInfo info, long begin, long end) {}

  /**
   * Opens a file and checks its header; the numbers are not read.
   *
   * @throws InputException if it is no sound safetensors file, in one line that says why
   */
  public static Safetensors open(Path path) {
    return open(OpenFile.open(path));
  }

  /** Takes over {@code file}, which is closed if it is no sound safetensors file. */
  static Safetensors open(OpenFile file) {
    try {
      return parse(file);
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  private static Safetensors parse(OpenFile file) {
    long size = file.size();
    if (size < Long.BYTES) {
      throw file.error("has " + size + " bytes, too few for a safetensors file");
    }
    long length = MemorySegment.ofArray(file.bytes(0, Long.BYTES)).get(LENGTH, 0);
    if (length < 0 || length > StrictJson.MAX_BYTES) {
      throw file.error(
          "claims a header of "
              + Long.toUnsignedString(length)
              + " bytes, at most "
              + StrictJson.MAX_BYTES
              + " are allowed; is it a safetensors file?");
    }
    if (length > size - Long.BYTES) {
      throw file.error(
          "claims a header of "
              + length
              + " bytes, but only "
              + (size - Long.BYTES)
              + " follow; the file is cut short or no safetensors file");
    }
    byte[] json = file.bytes(Long.BYTES, (int) length);
    List<Entry> entries = new ArrayList<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    StrictJson.read(
        file,
        "safetensors header",
        json,
        in ->
            in.object(
                "the header",
                (name, token) -> {
                  if (name.equals("__metadata__")) {
                    readMetadata(in, token, metadata);
                  } else {
                    entries.add(readEntry(in, name));
                  }
                }));
    long dataStart = Long.BYTES + length;
    entries.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
    checkCover(file, entries, size - dataStart);
    return new Safetensors(file, dataStart, entries, metadata);
  }

  private static void readMetadata(StrictJson in, JsonToken token, Map<String, String> metadata) {
    if (token == JsonToken.VALUE_NULL) {
      return;
    }
    in.object(
        "__metadata__",
        (key, value) -> metadata.put(key, in.string("__metadata__ " + Text.quote(key))));
  }

  private static Entry readEntry(StrictJson in, String name) {
    String what = "tensor " + Text.quote(name);
    EntryFields fields = new EntryFields();
    in.object(
        what,
        (field, token) -> {
          switch (field) {
            case "dtype" -> fields.dtype = in.string(what + ": dtype");
            case "shape" -> fields.shape = integers(in, what + ": shape", TensorInfo.MAX_RANK);
            case "data_offsets" -> fields.offsets = integers(in, what + ": data_offsets", 2);
            default -> in.skip();
          }
        });
    return fields.entry(name, what);
  }

  private static List<Long> integers(StrictJson in, String what, int most) {
    List<Long> out = new ArrayList<>();
    in.array(
        what,
        () -> {
          if (out.size() == most) {
            throw new StrictJson.Malformed(what + " has more than " + most + " numbers");
          }
          out.add(in.integer(what));
        });
    return out;
  }

  /** The members of one header entry, while they are being read. */
  private static final class EntryFields {
    private @Nullable String dtype;
    private @Nullable List<Long> shape;
    private @Nullable List<Long> offsets;

    Entry entry(String name, String what) {
      if (dtype == null || shape == null || offsets == null) {
        String missing = dtype == null ? "dtype" : shape == null ? "shape" : "data_offsets";
        throw new StrictJson.Malformed(what + " has no " + missing);
      }
      FileType type = FileType.named(dtype);
      if (type == null) {
        throw new StrictJson.Malformed(what + " has the unknown dtype " + Text.quote(dtype));
      }
      TensorInfo info;
      try {
        info = new TensorInfo(name, type, shape);
      } catch (IllegalArgumentException e) {
        throw new StrictJson.Malformed(what + ": " + e.getMessage());
      }
      if (offsets.size() != 2) {
        throw new StrictJson.Malformed(
            what + ": data_offsets has " + offsets.size() + " numbers, expected 2");
      }
      long begin = offsets.get(0);
      long end = offsets.get(1);
      if (begin < 0 || end < begin) {
        throw new StrictJson.Malformed(what + ": data_offsets " + offsets + " are no range");
      }
      if (end - begin != info.bytes()) {
        throw new StrictJson.Malformed(
            what
                + ": data_offsets "
                + offsets
                + " span "
                + (end - begin)
                + " bytes, "
                + type
                + " "
                + shape
                + " takes "
                + info.bytes());
      }
      return new Entry(info, begin, end);
    }
  }

  private static void checkCover(OpenFile file, List<Entry> entries, long bytes) {
    long at = 0;
    for (Entry entry : entries) {
      String what = "tensor " + Text.quote(entry.info.name());
      if (entry.end > bytes) {
        throw file.error(
            what
                + " ends at byte "
                + entry.end
                + " of the data, which have "
                + bytes
                + "; is the file cut short?");
      }
      if (entry.begin != at) {
        throw file.error(
            what
                + " begins at byte "
                + entry.begin
                + " of the data, expected "
                + at
                + (entry.begin < at ? " (tensors overlap)" : " (a gap)"));
      }
      at = entry.end;
    }
    if (at != bytes) {
      throw file.error((bytes - at) + " bytes follow the last tensor");
    }
  }

  @Override
  public String describe() {
    return file.describe();
  }

  @Override
  public Map<String, TensorInfo> tensors() {
    return tensors;
  }

  @Override
  public Map<String, String> metadata() {
    return metadata;
  }

  @Override
  public MemorySegment data(String name) {
    TensorInfo info = info(name);
    MemorySegment lying = file.mapped().asSlice(start(name), info.bytes());
    if (lying.address() % info.type().bytes() == 0) {
      return lying;
    }
    return aligned.computeIfAbsent(
        name,
        key ->
            file.arena().allocate(info.bytes(), info.type().bytes()).copyFrom(lying).asReadOnly());
  }

  @Override
  public void read(String name, long byteOffset, MemorySegment dest) {
    file.read(start(name) + Reads.check(info(name), byteOffset, dest), dest);
  }

  private long start(String name) {
    info(name);
    return dataStart + offsets.get(name);
  }

  @Override
  public void requireWhole() {
    file.requireWhole();
  }

  @Override
  public void close() {
    file.close();
  }
}
