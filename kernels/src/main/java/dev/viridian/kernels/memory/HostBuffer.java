package dev.viridian.kernels.memory;

import java.lang.foreign.MemorySegment;

/** Memory that the CPU addresses, off the Java heap (a mapped file included). */
public record HostBuffer(MemorySegment segment) implements Buffer {
  /** Refuses heap segments: generated code and native calls need an address. */
  public HostBuffer {
    if (!segment.isNative()) {
      throw new IllegalArgumentException("a host buffer needs native memory, not a heap array");
    }
  }

  /** The segment of a buffer that must be host memory. */
  public static MemorySegment of(Buffer buffer) {
    return ((HostBuffer) buffer).segment;
  }

  @Override
  public long bytes() {
    return segment.byteSize();
  }

  @Override
  public HostBuffer slice(long offset, long bytes) {
    return new HostBuffer(segment.asSlice(offset, bytes));
  }
}
