package dev.viridian.kernels.cuda;

import jcuda.driver.CUdeviceptr;

/** A device address that can be read, and made of a number. */
final class Address extends CUdeviceptr {
  /** Zero, to be filled by a call. */
  Address() {}

  /** As a number. */
  long value() {
    return getNativePointer() + getByteOffset();
  }

  /** A number as JCuda wants it. */
  static CUdeviceptr of(long address) {
    return new Address().withByteOffset(address);
  }
}
