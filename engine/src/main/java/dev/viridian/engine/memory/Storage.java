package dev.viridian.engine.memory;

import dev.viridian.kernels.memory.Allocator;
import dev.viridian.kernels.memory.Buffer;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A buffer and how many tensors (views, and values that a tape saved) use it. The last to let go
 * gives it back. Thread-safe.
 */
public final class Storage {
  private final Buffer buffer;
  private final AtomicInteger uses = new AtomicInteger(1);
  private final LeakDetector.Ticket ticket;
  private final Runnable release;

  private Storage(Buffer buffer, String what, Runnable release) {
    this.buffer = buffer;
    this.release = release;
    this.ticket = LeakDetector.open(this, what);
  }

  /** Fresh memory of an allocator, used once. */
  public static Storage allocate(Allocator allocator, long bytes, String what) {
    Buffer buffer = allocator.allocate(bytes);
    return new Storage(buffer, what, () -> allocator.release(buffer));
  }

  /** Memory that someone else owns and keeps as long as the storage is used, such as a mapping. */
  public static Storage borrow(Buffer buffer, String what) {
    return new Storage(buffer, what, () -> {});
  }

  /** The memory, whether or not it is still in use: ask {@link #isOpen} first. */
  public Buffer buffer() {
    return buffer;
  }

  /** Whether anyone uses it. */
  public boolean isOpen() {
    return uses.get() > 0;
  }

  /** One more user. */
  public void retain() {
    if (uses.getAndIncrement() <= 0) {
      throw new IllegalStateException("the storage was given back already");
    }
  }

  /** One user less; the last gives the memory back. */
  public void release() {
    int left = uses.decrementAndGet();
    if (left < 0) {
      throw new IllegalStateException("released more often than retained");
    }
    if (left == 0) {
      ticket.close();
      release.run();
    }
  }
}
