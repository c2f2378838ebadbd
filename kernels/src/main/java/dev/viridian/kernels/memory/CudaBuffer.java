package dev.viridian.kernels.memory;

import java.util.Objects;

/**
 * Memory of a CUDA device.
 *
 * @param device the device's number
 * @param address on the device; the CPU cannot read it
 * @param bytes length
 */
public record CudaBuffer(int device, long address, long bytes) implements Buffer {
  /** Refuses a negative length. */
  public CudaBuffer {
    if (bytes < 0) {
      throw new IllegalArgumentException("negative length " + bytes);
    }
  }

  @Override
  public CudaBuffer slice(long offset, long length) {
    Objects.checkFromIndexSize(offset, length, bytes);
    return new CudaBuffer(device, address + offset, length);
  }
}
