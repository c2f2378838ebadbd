package dev.viridian.engine.io;

import java.lang.foreign.MemorySegment;

/** The argument check that every {@link WeightSource#read} begins with. */
final class Reads {
  private Reads() {}

  /** {@code byteOffset}, where the range that begins there and fills {@code dest} lies inside. */
  static long check(TensorInfo info, long byteOffset, MemorySegment dest) {
    if (byteOffset < 0 || dest.byteSize() > info.bytes() - byteOffset) {
      throw new IllegalArgumentException(
          "read: bytes "
              + byteOffset
              + " + "
              + dest.byteSize()
              + " of tensor "
              + Text.quote(info.name())
              + " pass its "
              + info.bytes());
    }
    return byteOffset;
  }
}
