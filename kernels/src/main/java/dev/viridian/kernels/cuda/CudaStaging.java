package dev.viridian.kernels.cuda;

import dev.viridian.kernels.memory.CudaBuffer;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import jcuda.Pointer;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.JCudaDriver;

/**
 * Pinned memory through which numbers go to the device and back. Large ones go through two halves,
 * so that the CPU fills one while the device reads the other; small ones through a ring of places,
 * so that the CPU waits for none of them: the device has long read what is written over. Nothing is
 * ever copied from memory that may move.
 */
final class CudaStaging implements AutoCloseable {
  private static final int HALF = 4 << 20;
  private static final int SMALL = 64 << 10;
  private static final int PLACES = 32;
  private static final long ALL = 2L * HALF + (long) PLACES * SMALL;

  private static final class Place {
    final MemorySegment memory;
    final Pointer pointer;
    final CUevent done = new CUevent();

    /** A copy that was begun into the place but not yet taken out of it. */
    long waiting;

    long at;

    Place(Pointer pointer, MemorySegment memory) {
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
  private final Place[] halves = new Place[2];
  private final Place[] ring = new Place[PLACES];
  private int next;

  CudaStaging(CudaDevice device) {
    this.device = device;
    CudaCheck.driver(JCudaDriver.cuMemAllocHost(pinned, ALL), "cuMemAllocHost");
    MemorySegment all = MemorySegment.ofBuffer(pinned.getByteBuffer(0, ALL));
    for (int i = 0; i < halves.length; i++) {
      halves[i] = place(all, (long) i * HALF, HALF);
    }
    for (int i = 0; i < PLACES; i++) {
      ring[i] = place(all, 2L * HALF + (long) i * SMALL, SMALL);
    }
  }

  private Place place(MemorySegment all, long offset, long bytes) {
    return new Place(pinned.withByteOffset(offset), all.asSlice(offset, bytes));
  }

  synchronized void upload(MemorySegment source, CudaBuffer target) {
    Objects.checkFromIndexSize(0, source.byteSize(), target.bytes());
    device.bind();
    if (source.byteSize() <= SMALL) {
      send(ring[next], source, 0, source.byteSize(), target);
      next = (next + 1) % PLACES;
      return;
    }
    int turn = 0;
    for (long at = 0; at < source.byteSize(); at += HALF) {
      send(halves[turn], source, at, Math.min(HALF, source.byteSize() - at), target);
      turn ^= 1;
    }
  }

  private void send(Place place, MemorySegment source, long at, long bytes, CudaBuffer target) {
    if (bytes == 0) {
      return;
    }
    place.await();
    MemorySegment.copy(source, at, place.memory, 0, bytes);
    CudaCheck.driver(
        JCudaDriver.cuMemcpyHtoDAsync(
            Address.of(target.address() + at), place.pointer, bytes, device.stream()),
        "cuMemcpyHtoDAsync");
    record(place);
  }

  synchronized void download(CudaBuffer source, MemorySegment target) {
    Objects.checkFromIndexSize(0, target.byteSize(), source.bytes());
    device.bind();
    int turn = 0;
    for (long at = 0; at < target.byteSize(); at += HALF) {
      Place half = halves[turn];
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

  private void take(Place half, MemorySegment target) {
    long bytes = half.waiting;
    half.waiting = 0;
    if (bytes > 0) {
      half.await();
      MemorySegment.copy(half.memory, 0, target, half.at, bytes);
    }
  }

  private void record(Place half) {
    CudaCheck.driver(JCudaDriver.cuEventRecord(half.done, device.stream()), "cuEventRecord");
  }

  @Override
  public void close() {
    for (Place[] places : new Place[][] {halves, ring}) {
      for (Place place : places) {
        CudaCheck.driver(JCudaDriver.cuEventDestroy(place.done), "cuEventDestroy");
      }
    }
    CudaCheck.driver(JCudaDriver.cuMemFreeHost(pinned), "cuMemFreeHost");
  }
}
