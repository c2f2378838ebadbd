package dev.viridian.kernels.memory;

/**
 * A run of bytes on some device. A buffer is a value: it says where, not who owns it. Whoever took
 * the memory from an {@link Allocator} gives it back.
 */
public sealed interface Buffer permits HostBuffer, CudaBuffer {
  /** Length in bytes. */
  long bytes();

  /**
   * The part of this buffer from {@code offset} on.
   *
   * @param offset in bytes, from 0 to {@link #bytes()}
   * @param bytes length of the part
   * @throws IndexOutOfBoundsException if the part does not lie within this buffer
   */
  Buffer slice(long offset, long bytes);
}
