package dev.viridian.kernels.cuda;

import dev.viridian.kernels.memory.CudaBuffer;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import jcuda.Pointer;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.JCudaDriver;

/**
 * Pinned memory through which numbers go to the device and back: two halves, so that the CPU fills
 * one while the device reads the other. Nothing is ever copied from memory that may move.
 */
final class CudaStaging implements AutoCloseable {
  private static final int HALF = 4 << 20;

  private static final class Half {
    final MemorySegment memory;
    final Pointer pointer;
    final CUevent done = new CUevent();

    /** A copy that was begun into the half but not yet taken out of it. */
    long waiting;

    long at;

    Half(Pointer pointer, MemorySegment memory) {
      this.pointer = pointer;
      this.memory = memory;
      CudaCheck.driver(
          JCudaDriver.cuEventCreate(done, CUevent_flags.CU_EVENT_DISABLE_TIMING), "cuEventCreate");
      // An event that was never recorded counts as done.
    }

    void await() {
      CudaCheck.driver(JCudaDriver.cuEventSynchronize(done), "cuEventSynchronize");
    }
  }

  private final CudaDevice device;
  private final Pointer pinned = new Pointer();
  private final Half[] halves;

  CudaStaging(CudaDevice device) {
    this.device = device;
    CudaCheck.driver(JCudaDriver.cuMemAllocHost(pinned, 2L * HALF), "cuMemAllocHost");
    MemorySegment all = MemorySegment.ofBuffer(pinned.getByteBuffer(0, 2L * HALF));
    halves =
        new Half[] {
          new Half(pinned, all.asSlice(0, HALF)),
          new Half(pinned.withByteOffset(HALF), all.asSlice(HALF, HALF))
        };
  }

  synchronized void upload(MemorySegment source, CudaBuffer target) {
    Objects.checkFromIndexSize(0, source.byteSize(), target.bytes());
    device.bind();
    int turn = 0;
    for (long at = 0; at < source.byteSize(); at += HALF) {
      long bytes = Math.min(HALF, source.byteSize() - at);
      Half half = halves[turn];
      half.await();
      MemorySegment.copy(source, at, half.memory, 0, bytes);
      CudaCheck.driver(
          JCudaDriver.cuMemcpyHtoDAsync(
              Address.of(target.address() + at), half.pointer, bytes, device.stream()),
          "cuMemcpyHtoDAsync");
      record(half);
      turn ^= 1;
    }
  }

  synchronized void download(CudaBuffer source, MemorySegment target) {
    Objects.checkFromIndexSize(0, target.byteSize(), source.bytes());
    device.bind();
    int turn = 0;
    for (long at = 0; at < target.byteSize(); at += HALF) {
      Half half = halves[turn];
      take(half, target);
      half.await();
      half.waiting = Math.min(HALF, target.byteSize() - at);
      half.at = at;
      CudaCheck.driver(
          JCudaDriver.cuMemcpyDtoHAsync(
              half.pointer, Address.of(source.address() + at), half.waiting, device.stream()),
          "cuMemcpyDtoHAsync");
      record(half);
      turn ^= 1;
    }
    take(halves[turn], target);
    take(halves[turn ^ 1], target);
  }

  private void take(Half half, MemorySegment target) {
    long bytes = half.waiting;
    half.waiting = 0;
    if (bytes > 0) {
      half.await();
      MemorySegment.copy(half.memory, 0, target, half.at, bytes);
    }
  }

  private void record(Half half) {
    CudaCheck.driver(JCudaDriver.cuEventRecord(half.done, device.stream()), "cuEventRecord");
  }

  @Override
  public void close() {
    for (Half half : halves) {
      CudaCheck.driver(JCudaDriver.cuEventDestroy(half.done), "cuEventDestroy");
    }
    CudaCheck.driver(JCudaDriver.cuMemFreeHost(pinned), "cuMemFreeHost");
  }
}
