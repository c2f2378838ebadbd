package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;

/** Checks of what generated code is about to touch: it makes none itself. */
final class Range {
  private Range() {}

  /**
   * The address of a buffer that holds at least a number of elements.
   *
   * @param what operation and argument, for the message
   * @throws IndexOutOfBoundsException if the buffer is shorter
   * @throws IllegalStateException if its memory has been given back
   */
  static long address(String what, Buffer buffer, DType type, long elements) {
    MemorySegment segment = HostBuffer.of(buffer);
    if (!segment.scope().isAlive()) {
      throw new IllegalStateException(what + ": its memory has been given back");
    }
    if (elements < 0 || Math.multiplyExact(elements, type.bytes()) > segment.byteSize()) {
      throw new IndexOutOfBoundsException(
          what
              + ": expected "
              + elements
              + " of "
              + type
              + ", got "
              + segment.byteSize()
              + " bytes");
    }
    return segment.address();
  }

  /** The address of a part of scratch memory. */
  static long address(MemorySegment segment, long offset, long bytes) {
    if (offset < 0 || bytes < 0 || offset > segment.byteSize() - bytes) {
      throw new IndexOutOfBoundsException(
          "scratch: " + offset + " + " + bytes + " of " + segment.byteSize() + " bytes");
    }
    return segment.address() + offset;
  }

  /** A count that must be at least 1: a loop in the code would run on for ever. */
  static int positive(String what, int count) {
    if (count < 1) {
      throw new IllegalArgumentException(what + ": expected at least 1, got " + count);
    }
    return count;
  }
}
