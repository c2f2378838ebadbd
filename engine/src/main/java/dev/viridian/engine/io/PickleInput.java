package dev.viridian.engine.io;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** The bytes of a pickle, read from front to end; every read is checked against what is left. */
final class PickleInput {
  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt I32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong I64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfDouble F64_BIG =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

  /** The longest line that the text opcodes of protocol 0 may have. */
  private static final int MAX_LINE = 4096;

  private final MemorySegment bytes;
  private long position;

  PickleInput(MemorySegment bytes) {
    this.bytes = bytes;
  }

  /** The index of the next byte. */
  long position() {
    return position;
  }

  /** The number of bytes left. */
  long left() {
    return bytes.byteSize() - position;
  }

  /** Steps over {@code count} bytes and tells where they begin. */
  long take(long count) {
    if (count < 0 || count > left()) {
      throw new PickleException(
          "it asks for " + count + " bytes, " + left() + " are left; is the file cut short?");
    }
    long at = position;
    position += count;
    return at;
  }

  int u8() {
    return bytes.get(ValueLayout.JAVA_BYTE, take(1)) & 0xff;
  }

  int u16() {
    return bytes.get(U16, take(2)) & 0xffff;
  }

  int i32() {
    return bytes.get(I32, take(4));
  }

  long u32() {
    return i32() & 0xffffffffL;
  }

  long i64() {
    return bytes.get(I64, take(8));
  }

  double f64BigEndian() {
    return bytes.get(F64_BIG, take(8));
  }

  /** A copy of the next {@code count} bytes. */
  byte[] bytes(long count) {
    long at = take(count);
    if (count > Integer.MAX_VALUE - 8) {
      throw new PickleException("a text of " + count + " bytes is longer than any weight needs");
    }
    return bytes.asSlice(at, count).toArray(ValueLayout.JAVA_BYTE);
  }

  /** The bytes up to the next line feed, which is stepped over. */
  byte[] line() {
    long length = 0;
    while (length < left()
        && bytes.get(ValueLayout.JAVA_BYTE, position + length) != '\n'
        && length <= MAX_LINE) {
      length++;
    }
    if (length == left() || length > MAX_LINE) {
      throw new PickleException("a line has no end");
    }
    byte[] line = bytes(length);
    take(1);
    return line;
  }
}
