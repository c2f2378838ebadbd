package dev.viridian.kernels.memory;

/** Hands out memory of one device. Thread-safe. */
public interface Allocator extends AutoCloseable {
  /**
   * Memory with undefined content, aligned to 64 bytes or better.
   *
   * @param bytes 0 or more
   * @throws DeviceMemoryException if there is not enough; says requested, used, cached, free
   */
  Buffer allocate(long bytes);

  /** Gives back what {@link #allocate} handed out, exactly once. */
  void release(Buffer buffer);

  /** Gives memory that is cached but unused back to the system. */
  void trim();

  /** What is in use and cached now, and the most that was ever in use. */
  Usage usage();

  /** Releases what is cached; buffers still in use stay valid. */
  @Override
  void close();

  /**
   * Bytes.
   *
   * @param used handed out now
   * @param cached kept for reuse
   * @param peak the largest {@code used} since the start or the last {@link #resetPeak}
   * @param fresh how many blocks were ever taken from the system
   */
  record Usage(long used, long cached, long peak, long fresh) {}

  /** Starts a new measurement of the peak. */
  void resetPeak();
}
