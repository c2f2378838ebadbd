package dev.viridian.engine.io;

import dev.viridian.engine.InputException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.jspecify.annotations.Nullable;

/**
 * The entries of a zip file by its central directory, which alone is believed; local headers only
 * say where the data begin. (Torch's local headers hold zeros for the sizes of stored entries, so
 * that readers which go from header to header refuse them.) Zip64 is understood; names that occur
 * twice, encrypted entries and ranges outside the file are refused. Immutable.
 */
final class ZipDirectory {
  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong I64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final int LOCAL = 0x04034b50;
  private static final int CENTRAL = 0x02014b50;
  private static final int END = 0x06054b50;
  private static final int END64 = 0x06064b50;
  private static final int LOCATOR64 = 0x07064b50;
  private static final int LOCAL_BYTES = 30;
  private static final int CENTRAL_BYTES = 46;
  private static final int END_BYTES = 22;
  private static final int END64_BYTES = 56;
  private static final int LOCATOR64_BYTES = 20;

  /** Largest models have a few thousand entries; each costs some hundred bytes of heap. */
  private static final int MAX_ENTRIES = 200_000;

  /** No deflated stream gives more than this many bytes for one. */
  private static final long MAX_DEFLATE_RATIO = 1032;

  private final OpenFile file;
  private final MemorySegment bytes;
  private final Map<String, Entry> entries = new LinkedHashMap<>();

  /**
   * One file of the archive.
   *
   * @param name its path
   * @param deflated whether it is deflated, else stored as it is
   * @param packed its size in the archive
   * @param size its size
   * @param header where its local header begins
   */
  record Entry(String name, boolean deflated, long packed, long size, long header) {}

  private ZipDirectory(OpenFile file) {
    this.file = file;
    this.bytes = file.mapped();
  }

  /**
   * Reads the directory.
   *
   * @throws InputException if it is damaged
   */
  static ZipDirectory read(OpenFile file) {
    ZipDirectory zip = new ZipDirectory(file);
    zip.readEntries();
    return zip;
  }

  /** The names of all entries, in the order of the directory. */
  Set<String> names() {
    return entries.keySet();
  }

  /** The entry of that name, or null. */
  @Nullable Entry entry(String name) {
    return entries.get(name);
  }

  private void readEntries() {
    long end = findEnd();
    long count = u16(end + 10);
    long size = u32(end + 12);
    long start = u32(end + 16);
    long locator = end - LOCATOR64_BYTES;
    if (locator >= 0 && bytes.get(U32, locator) == LOCATOR64) {
      long end64 = bytes.get(I64, locator + 8);
      if (end64 < 0 || end64 > locator - END64_BYTES || bytes.get(U32, end64) != END64) {
        throw damaged("its zip64 end record is not where it should be");
      }
      count = bytes.get(I64, end64 + 32);
      size = bytes.get(I64, end64 + 40);
      start = bytes.get(I64, end64 + 48);
    }
    if (start < 0 || size < 0 || start > end || size > end - start) {
      throw damaged("its directory lies outside the file");
    }
    if (count < 0 || count > size / CENTRAL_BYTES) {
      throw damaged("it claims " + count + " entries in a directory of " + size + " bytes");
    }
    if (count > MAX_ENTRIES) {
      throw damaged("it has " + count + " entries, at most " + MAX_ENTRIES + " are supported");
    }
    long at = start;
    for (long i = 0; i < count; i++) {
      at = readEntry(at, start + size, start);
    }
  }

  private long findEnd() {
    long last = file.size() - END_BYTES;
    for (long at = last; at >= Math.max(0, last - 0xffff); at--) {
      if (bytes.get(U32, at) == END && u16(at + 20) == last - at) {
        return at;
      }
    }
    throw damaged("it has no end record; is the file cut short?");
  }

  private long readEntry(long at, long limit, long directory) {
    if (at > limit - CENTRAL_BYTES || bytes.get(U32, at) != CENTRAL) {
      throw damaged("an entry of its directory is missing");
    }
    int nameLength = u16(at + 28);
    int extraLength = u16(at + 30);
    long next = at + CENTRAL_BYTES + nameLength + extraLength + u16(at + 32);
    if (next > limit) {
      throw damaged("an entry of its directory is cut short");
    }
    String name = name(at + CENTRAL_BYTES, nameLength);
    long[] sizes = {u32(at + 24), u32(at + 20), u32(at + 42)};
    readExtra64(at + CENTRAL_BYTES + nameLength, extraLength, sizes);
    Entry entry = new Entry(name, u16(at + 10) == 8, sizes[1], sizes[0], sizes[2]);
    check(entry, u16(at + 8), u16(at + 10), directory);
    if (entries.put(name, entry) != null) {
      throw damaged("it has two entries " + Text.quote(name));
    }
    return next;
  }

  private void check(Entry entry, int flags, int method, long directory) {
    String what = "its entry " + Text.quote(entry.name);
    if ((flags & 1) != 0) {
      throw damaged(what + " is encrypted");
    }
    if (method != 0 && method != 8) {
      throw damaged(what + " has the unknown compression " + method);
    }
    if (method == 0 && entry.packed != entry.size) {
      throw damaged(what + " is stored, but its sizes differ");
    }
    boolean outside =
        entry.packed < 0
            || entry.header < 0
            || entry.header > directory - LOCAL_BYTES
            || entry.packed > directory - LOCAL_BYTES - entry.header;
    if (outside) {
      throw damaged(what + " lies outside the file");
    }
    if (entry.size < 0 || method == 8 && entry.size / MAX_DEFLATE_RATIO > entry.packed) {
      throw damaged(what + " claims an impossible size of " + entry.size + " bytes");
    }
  }

  /** Replaces those of size, packed size and header offset that are all ones, in this order. */
  private void readExtra64(long at, int length, long[] sizes) {
    long limit = at + length;
    while (at <= limit - 4) {
      int fieldLength = u16(at + 2);
      if (u16(at) == 1) {
        long value = at + 4;
        long valueLimit = Math.min(limit, value + fieldLength);
        for (int i = 0; i < sizes.length; i++) {
          if (sizes[i] == 0xffffffffL && value <= valueLimit - Long.BYTES) {
            sizes[i] = bytes.get(I64, value);
            value += Long.BYTES;
          }
        }
      }
      at += 4 + fieldLength;
    }
  }

  private String name(long at, int length) {
    byte[] raw = bytes.asSlice(at, length).toArray(ValueLayout.JAVA_BYTE);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(raw)).toString();
    } catch (CharacterCodingException e) {
      return new String(raw, StandardCharsets.ISO_8859_1);
    }
  }

  /** Where the packed bytes of an entry begin, by its local header. */
  long dataStart(Entry entry) {
    long at = entry.header;
    String what = "its entry " + Text.quote(entry.name);
    if (bytes.get(U32, at) != LOCAL) {
      throw damaged(what + " has no local header");
    }
    int nameLength = u16(at + 26);
    long start = at + LOCAL_BYTES + nameLength + u16(at + 28);
    if (start > file.size() - entry.packed) {
      throw damaged(what + " lies outside the file");
    }
    if (!name(at + LOCAL_BYTES, nameLength).equals(entry.name)) {
      throw damaged(what + " has another name in its local header");
    }
    return start;
  }

  /**
   * The first {@code count} bytes of an entry: mapped where they are stored, inflated into fresh
   * memory of the file's arena where they are deflated.
   */
  MemorySegment data(Entry entry, long count) {
    MemorySegment packed = bytes.asSlice(dataStart(entry), entry.packed);
    if (!entry.deflated) {
      return packed.asSlice(0, count);
    }
    MemorySegment out = file.arena().allocate(count, 64);
    Inflater inflater = new Inflater(true);
    try {
      long in = 0;
      long done = 0;
      while (done < count) {
        if (inflater.needsInput()) {
          long piece = Math.min(packed.byteSize() - in, 1 << 20);
          if (piece == 0 || inflater.finished()) {
            throw damaged("its entry " + Text.quote(entry.name) + " inflates to too few bytes");
          }
          inflater.setInput(packed.asSlice(in, piece).asByteBuffer());
          in += piece;
        }
        long room = Math.min(count - done, 1 << 20);
        int got = inflater.inflate(out.asSlice(done, room).asByteBuffer());
        if (got == 0 && (inflater.finished() || inflater.needsDictionary())) {
          throw damaged("its entry " + Text.quote(entry.name) + " inflates to too few bytes");
        }
        done += got;
      }
    } catch (DataFormatException e) {
      throw damaged("its entry " + Text.quote(entry.name) + " is not sound deflated data");
    } finally {
      inflater.end();
    }
    return out.asReadOnly();
  }

  private int u16(long at) {
    return bytes.get(U16, at) & 0xffff;
  }

  private long u32(long at) {
    return bytes.get(U32, at) & 0xffffffffL;
  }

  private InputException damaged(String what) {
    return file.error("the zip file is damaged or no checkpoint: " + what);
  }
}
