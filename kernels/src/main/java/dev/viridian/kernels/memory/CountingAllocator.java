package dev.viridian.kernels.memory;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Counts what a {@link CachingAllocator} would hand out and hands out next to nothing: all buffers
 * are the same pages of an empty file, of which only those that are written take memory. With
 * kernels that compute nothing, work on it tells what it needs.
 */
public final class CountingAllocator implements Allocator {
  /** The largest buffer that can be asked for. */
  private static final long LARGEST = 1L << 34;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment pages;
  private long used;
  private long peak;

  /** An allocator that nothing was taken from. */
  public CountingAllocator() {
    try {
      Path file = Files.createTempFile("viridian", ".pages");
      try (FileChannel channel =
          FileChannel.open(
              file,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              StandardOpenOption.SPARSE,
              StandardOpenOption.DELETE_ON_CLOSE)) {
        pages = channel.map(FileChannel.MapMode.READ_WRITE, 0, LARGEST, arena);
      }
    } catch (IOException e) {
      arena.close();
      throw new UncheckedIOException("no pages to count with", e);
    }
  }

  @Override
  public synchronized HostBuffer allocate(long bytes) {
    HostBuffer buffer = uncounted(bytes);
    used += CachingAllocator.roundUp(bytes);
    peak = Math.max(peak, used);
    return buffer;
  }

  /** Memory that is not counted, nor to be given back. */
  public HostBuffer uncounted(long bytes) {
    if (bytes < 0 || bytes > LARGEST) {
      throw new DeviceMemoryException("a buffer of " + bytes + " bytes cannot be had");
    }
    return new HostBuffer(pages.asSlice(0, bytes));
  }

  @Override
  public synchronized void release(Buffer buffer) {
    used -= CachingAllocator.roundUp(buffer.bytes());
  }

  @Override
  public void trim() {
    // nothing is kept
  }

  @Override
  public synchronized Usage usage() {
    return new Usage(used, 0, peak, 1);
  }

  @Override
  public synchronized void resetPeak() {
    peak = used;
  }

  @Override
  public void close() {
    arena.close();
  }
}
