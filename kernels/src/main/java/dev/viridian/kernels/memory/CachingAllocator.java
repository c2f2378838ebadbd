package dev.viridian.kernels.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * Host memory with reuse: a released block is kept and handed out again for a request of about its
 * size, so that a step after the first takes nothing from the system. When the system or the limit
 * refuses, everything cached is given back and the request is tried once more.
 *
 * <p>Small requests are rounded up to powers of two, large ones to a mebibyte; a cached block
 * serves requests down to seven eighths of its size. Fresh memory comes zeroed from the system, but
 * reused memory does not: the content of what is handed out is undefined.
 */
public final class CachingAllocator implements Allocator {
  private static final long MEBIBYTE = 1 << 20;

  /**
   * From here on blocks come straight from the system, and go back to it when given up: of what it
   * is given back among smaller pieces, the C library keeps nearly all, for good. It takes blocks
   * of this size from the system itself, but only until the first is given back.
   */
  private static final long STRAIGHT_FROM = MEBIBYTE / 8;

  /** How many times its size a request may waste before another block is asked for. */
  private static final long GENEROUS = 15;

  private static final int SLACK = 32;
  private static final long SMALLEST_SLACK = 64 * MEBIBYTE;

  private record Block(MemorySegment segment, Arena arena) {}

  private final long limit;
  private final TreeMap<Long, ArrayDeque<Block>> cached = new TreeMap<>();
  private final Map<Long, Block> inUse = new HashMap<>();
  private long usedBytes;
  private long cachedBytes;
  private long peak;
  private long peakEver;
  private long freshBlocks;

  /** An allocator that takes what the system gives. */
  public CachingAllocator() {
    this(Long.MAX_VALUE);
  }

  /**
   * An allocator that refuses to hold more than {@code limit} bytes, cached ones included.
   *
   * @param limit in bytes
   */
  public CachingAllocator(long limit) {
    this.limit = limit;
  }

  @Override
  public synchronized HostBuffer allocate(long bytes) {
    if (bytes < 0) {
      throw new IllegalArgumentException("negative size " + bytes);
    }
    long size = roundUp(bytes);
    Block block = takeCached(size, size / 7);
    if (block == null && size >= MEBIBYTE && usedBytes + cachedBytes + size > allowed(0)) {
      block = takeCached(size, GENEROUS * size); // rather than to give it back and ask for another
    }
    if (block == null) {
      block = takeFresh(size, bytes);
      freshBlocks++;
    }
    inUse.put(block.segment.address(), block);
    usedBytes += block.segment.byteSize();
    peak = Math.max(peak, usedBytes);
    peakEver = Math.max(peakEver, usedBytes);
    return new HostBuffer(block.segment.asSlice(0, bytes));
  }

  private Block takeCached(long size, long waste) {
    Map.Entry<Long, ArrayDeque<Block>> fit = cached.ceilingEntry(size);
    if (fit == null || fit.getKey() - size > waste) {
      return null;
    }
    Block block = fit.getValue().pop();
    if (fit.getValue().isEmpty()) {
      cached.remove(fit.getKey());
    }
    cachedBytes -= block.segment.byteSize();
    return block;
  }

  private Block takeFresh(long size, long requested) {
    if (size > limit - usedBytes - cachedBytes) {
      trim();
    }
    evict(size);
    if (size > limit - usedBytes) {
      throw new DeviceMemoryException(describe(requested));
    }
    try {
      return fresh(size);
    } catch (OutOfMemoryError first) {
      trim();
      try {
        return fresh(size);
      } catch (OutOfMemoryError second) {
        throw new DeviceMemoryException(describe(requested), second);
      }
    }
  }

  /**
   * Gives cached blocks back, the largest first, as long as what is held would pass the largest use
   * by more than one part in 32: blocks of sizes that nobody asks for any more must not pile up.
   */
  private void evict(long size) {
    long allowed = allowed(size);
    while (cachedBytes > 0 && usedBytes + size + cachedBytes > allowed) {
      Map.Entry<Long, ArrayDeque<Block>> largest = cached.lastEntry();
      Block block = largest.getValue().removeLast(); // the one that waited longest
      if (largest.getValue().isEmpty()) {
        cached.remove(largest.getKey());
      }
      cachedBytes -= block.segment.byteSize();
      block.arena.close();
    }
  }

  /** What may be held with another {@code more} bytes in use. */
  private long allowed(long more) {
    long most = Math.max(peakEver, usedBytes + more);
    return most + Math.max(most / SLACK, SMALLEST_SLACK);
  }

  private static Block fresh(long size) {
    Arena arena = Arena.ofShared();
    try {
      boolean straight = size >= STRAIGHT_FROM && Straight.POSSIBLE;
      return new Block(
          straight ? SystemMemory.pages(size, arena) : arena.allocate(size, 64), arena);
    } catch (IllegalStateException e) {
      arena.close();
      OutOfMemoryError error = new OutOfMemoryError(e.getMessage());
      error.initCause(e);
      throw error;
    } catch (OutOfMemoryError e) {
      arena.close();
      throw e;
    }
  }

  /** Whether memory can be had straight from the system: Java would write it full of zeros. */
  private static final class Straight {
    static final boolean POSSIBLE = possible();

    private static boolean possible() {
      if (!SystemMemory.supported()) {
        return false;
      }
      try (Arena arena = Arena.ofConfined()) {
        return SystemMemory.pages(STRAIGHT_FROM, arena).byteSize() == STRAIGHT_FROM;
      } catch (IllegalStateException | IllegalCallerException | LinkageError e) {
        System.getLogger(CachingAllocator.class.getName())
            .log(System.Logger.Level.DEBUG, "no memory straight from the system", e);
        return false;
      }
    }
  }

  private String describe(long requested) {
    return "out of memory on the CPU: requested "
        + mebibytes(requested)
        + ", used "
        + mebibytes(usedBytes)
        + ", cached "
        + mebibytes(cachedBytes)
        + (limit == Long.MAX_VALUE
            ? ""
            : ", limit " + mebibytes(limit) + ", free " + mebibytes(limit - usedBytes))
        + "; a smaller --width, --height or --batch-size, or a model in f16, needs less";
  }

  private static String mebibytes(long bytes) {
    return (bytes + MEBIBYTE - 1) / MEBIBYTE + " MiB";
  }

  /** What a request takes. */
  static long roundUp(long bytes) {
    if (bytes <= 64) {
      return 64;
    }
    if (bytes < MEBIBYTE) {
      return Long.highestOneBit(bytes - 1) << 1;
    }
    return (bytes + MEBIBYTE - 1) / MEBIBYTE * MEBIBYTE;
  }

  @Override
  public synchronized void release(Buffer buffer) {
    long address = HostBuffer.of(buffer).address();
    Block block = inUse.remove(address);
    if (block == null) {
      throw new IllegalStateException("released twice, or not from this allocator");
    }
    usedBytes -= block.segment.byteSize();
    cachedBytes += block.segment.byteSize();
    cached.computeIfAbsent(block.segment.byteSize(), k -> new ArrayDeque<>()).push(block);
  }

  @Override
  public synchronized void trim() {
    for (ArrayDeque<Block> blocks : cached.values()) {
      for (Block block : blocks) {
        block.arena.close();
      }
    }
    cached.clear();
    cachedBytes = 0;
  }

  @Override
  public synchronized Usage usage() {
    return new Usage(usedBytes, cachedBytes, peak, freshBlocks);
  }

  @Override
  public synchronized void resetPeak() {
    peak = usedBytes;
  }

  @Override
  public void close() {
    trim();
  }
}
