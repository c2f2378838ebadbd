package dev.viridian.kernels.cuda;

import dev.viridian.kernels.memory.Allocator;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.CudaBuffer;
import dev.viridian.kernels.memory.DeviceMemoryException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import jcuda.driver.JCudaDriver;

/**
 * Memory of a CUDA device with reuse. All work of the device is in one stream, so a block may be
 * handed out again as soon as it is released: what is done with it then comes after what was told
 * before. When the device refuses, everything cached is given back and the request is tried once
 * more.
 */
public final class CudaAllocator implements Allocator {
  private static final long SMALLEST = 512;
  private static final long MEBIBYTE = 1 << 20;
  private static final long LARGE = 2 * MEBIBYTE;

  private final CudaDevice device;
  private final long limit;

  /** Blocks by size, to be handed out again. */
  private static final class Free extends TreeMap<Long, ArrayDeque<Long>> {
    private static final long serialVersionUID = 1L;
  }

  private record Use(long size, Free home) {}

  private final Free common = new Free();
  private Free cached = common;
  private final Map<Long, Use> inUse = new HashMap<>();
  private final List<Long> kept = new ArrayList<>();
  private long keptBytes;
  private long usedBytes;
  private long cachedBytes;
  private long peak;
  private long freshBlocks;

  /**
   * An allocator of a device.
   *
   * @param limit the most bytes it holds, cached ones included
   */
  CudaAllocator(CudaDevice device, long limit) {
    this.device = device;
    this.limit = limit;
  }

  @Override
  public synchronized CudaBuffer allocate(long bytes) {
    if (bytes < 0) {
      throw new IllegalArgumentException("negative size " + bytes);
    }
    long size = roundUp(bytes);
    Free from = fits(cached, size) ? cached : common; // a graph may take over what is common
    long address;
    if (fits(from, size)) {
      Map.Entry<Long, ArrayDeque<Long>> fit = from.ceilingEntry(size);
      size = fit.getKey();
      address = fit.getValue().pop();
      if (fit.getValue().isEmpty()) {
        from.remove(size);
      }
      cachedBytes -= size;
    } else {
      address = fresh(size, bytes);
      freshBlocks++;
    }
    inUse.put(address, new Use(size, cached));
    usedBytes += size;
    peak = Math.max(peak, usedBytes);
    return new CudaBuffer(device.ordinal(), address, bytes);
  }

  private static boolean fits(Free blocks, long size) {
    Long found = blocks.ceilingKey(size);
    return found != null && found - size <= found / 8;
  }

  /** Memory for the launches of a block, given back at its end. */
  record Scratch(CudaAllocator allocator, CudaBuffer buffer) implements AutoCloseable {
    @Override
    public void close() {
      allocator.release(buffer);
    }
  }

  /** Memory for a while. */
  Scratch scratch(long bytes) {
    return new Scratch(this, allocate(bytes));
  }

  /**
   * Memory for numbers that are uploaded once and read again and again, such as the taps of a
   * resize: kept until the allocator is closed, since graphs may know its address. Counted as
   * cached.
   */
  synchronized CudaBuffer keep(long bytes) {
    long size = roundUp(bytes);
    long address = fresh(size, bytes);
    kept.add(address);
    keptBytes += size;
    return new CudaBuffer(device.ordinal(), address, bytes);
  }

  private long fresh(long size, long requested) {
    if (size > limit - usedBytes - keptBytes - cachedBytes) {
      trim();
    }
    if (size > limit - usedBytes - keptBytes - cachedBytes) {
      throw new DeviceMemoryException(describe(requested));
    }
    device.bind();
    Address address = new Address();
    int result = JCudaDriver.cuMemAlloc(address, size);
    if (result == CudaCheck.OUT_OF_MEMORY) {
      trim();
      result = JCudaDriver.cuMemAlloc(address, size);
      if (result == CudaCheck.OUT_OF_MEMORY) {
        throw new DeviceMemoryException(describe(requested));
      }
    }
    CudaCheck.driver(result, "cuMemAlloc of " + size + " bytes");
    return address.value();
  }

  private String describe(long requested) {
    long[] free = new long[1];
    long[] total = new long[1];
    device.bind();
    CudaCheck.driver(JCudaDriver.cuMemGetInfo(free, total), "cuMemGetInfo");
    return "out of memory on "
        + device
        + ": requested "
        + mebibytes(requested)
        + ", used "
        + mebibytes(usedBytes + keptBytes)
        + ", cached "
        + mebibytes(cachedBytes)
        + ", free "
        + mebibytes(Math.min(free[0], limit - usedBytes - keptBytes - cachedBytes))
        + " of "
        + mebibytes(Math.min(total[0], limit))
        + "; a smaller --width, --height or --batch-size, or a model in f16, needs less";
  }

  private static String mebibytes(long bytes) {
    return (bytes + MEBIBYTE - 1) / MEBIBYTE + " MiB";
  }

  private static long roundUp(long bytes) {
    if (bytes <= SMALLEST) {
      return SMALLEST;
    }
    if (bytes < LARGE) {
      return Long.highestOneBit(bytes - 1) << 1;
    }
    return (bytes + LARGE - 1) / LARGE * LARGE;
  }

  @Override
  public synchronized void release(Buffer buffer) {
    long address = device.own(buffer).address();
    Use use = inUse.remove(address);
    if (use == null) {
      throw new IllegalStateException("released twice, or not from this allocator");
    }
    usedBytes -= use.size;
    cachedBytes += use.size;
    use.home.computeIfAbsent(use.size, s -> new ArrayDeque<>()).push(address);
  }

  @Override
  public synchronized void trim() {
    if (!device.isRecording()) { // a wait would end the recording
      free(common);
    }
  }

  private void free(Free blocks) {
    if (blocks.isEmpty()) {
      return;
    }
    device.await();
    blocks.forEach(
        (size, addresses) -> {
          for (long address : addresses) {
            CudaCheck.driver(JCudaDriver.cuMemFree(Address.of(address)), "cuMemFree");
            cachedBytes -= size;
          }
        });
    blocks.clear();
  }

  /**
   * Memory that is kept for a graph: blocks that it took while it was recorded, handed out to
   * nobody else until it is closed.
   */
  final class Pool implements AutoCloseable {
    private final Free blocks = new Free();

    /** Gives the blocks to all; those that are in use follow when they are released. */
    @Override
    public void close() {
      synchronized (CudaAllocator.this) {
        blocks.forEach(
            (size, addresses) ->
                common.computeIfAbsent(size, s -> new ArrayDeque<>()).addAll(addresses));
        blocks.clear();
        inUse.replaceAll((address, use) -> use.home == blocks ? new Use(use.size, common) : use);
      }
    }
  }

  /** From here on memory comes from a pool of its own, and goes back there. */
  synchronized Pool beginPool() {
    if (cached != common) {
      throw new IllegalStateException("a graph is being recorded already");
    }
    Pool pool = new Pool();
    cached = pool.blocks;
    return pool;
  }

  /** Memory comes from where all do again. */
  synchronized void endPool() {
    cached = common;
  }

  @Override
  public synchronized Usage usage() {
    return new Usage(usedBytes, cachedBytes + keptBytes, peak, freshBlocks);
  }

  @Override
  public synchronized void resetPeak() {
    peak = usedBytes;
  }

  @Override
  public synchronized void close() {
    trim();
    if (!kept.isEmpty()) {
      device.await();
      kept.forEach(a -> CudaCheck.driver(JCudaDriver.cuMemFree(Address.of(a)), "cuMemFree"));
      kept.clear();
      keptBytes = 0;
    }
  }
}
