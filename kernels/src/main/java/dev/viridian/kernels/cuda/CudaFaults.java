package dev.viridian.kernels.cuda;

import dev.viridian.kernels.memory.CudaBuffer;
import java.lang.foreign.MemorySegment;
import jcuda.driver.JCudaDriver;

/**
 * What kernels find wrong with the numbers they are given: an index outside. The first is noted in
 * device memory, and read when the CPU waits for the device anyway; nothing waits for it alone.
 */
final class CudaFaults implements AutoCloseable {
  /** Operation (0: nothing is wrong), number of the index, index, size. */
  static final long BYTES = 4 * Long.BYTES;

  /** Who looks at indices. */
  enum Operation {
    SELECT("Copy.select"),
    SELECT_ADD("Copy.selectAdd"),
    GATHER("Copy.gather"),
    SCATTER_ADD("Copy.scatterAdd");

    private final String text;

    Operation(String text) {
      this.text = text;
    }

    /** From 1 on. */
    int code() {
      return ordinal() + 1;
    }
  }

  private final CudaDevice device;
  private final CudaBuffer memory;
  private volatile boolean expected;

  CudaFaults(CudaDevice device) {
    this.device = device;
    Address address = new Address();
    CudaCheck.driver(JCudaDriver.cuMemAlloc(address, BYTES), "cuMemAlloc of " + BYTES + " bytes");
    memory = new CudaBuffer(device.ordinal(), address.value(), BYTES);
    device.clear(memory, BYTES);
  }

  /** Where to note a fault; read with the next download. */
  CudaBuffer expected() {
    expected = true;
    return memory;
  }

  /** Fails if something was noted since the last time. Waits, if there may be something. */
  void raise(CudaStaging staging) {
    if (!expected) {
      return;
    }
    expected = false;
    long[] found = new long[4];
    staging.download(memory, MemorySegment.ofArray(found));
    if (found[0] != 0) {
      device.clear(memory, BYTES);
      throw new IndexOutOfBoundsException(
          Operation.values()[(int) found[0] - 1].text
              + ": index number "
              + found[1]
              + " must be from 0 to "
              + (found[3] - 1)
              + ", got "
              + found[2]);
    }
  }

  @Override
  public void close() {
    CudaCheck.driver(JCudaDriver.cuMemFree(Address.of(memory.address())), "cuMemFree");
  }
}
