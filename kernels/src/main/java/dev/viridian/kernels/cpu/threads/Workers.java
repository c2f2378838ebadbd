package dev.viridian.kernels.cpu.threads;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * A fixed set of threads that share the tiles of one task at a time. The caller works too. Which
 * thread takes which tile is left to chance, so a task's tiles must be independent of each other
 * and cut without regard to the number of threads: then the results do not depend on it either.
 *
 * <p>Thread-safe: tasks of several callers run one after the other. A task started from within a
 * task runs on its caller alone.
 */
public final class Workers implements AutoCloseable {
  /** Work on tile {@code index}. */
  @FunctionalInterface
  public interface Tile {
    /** Does tile {@code index}, from 0 to count − 1. */
    void run(int index);
  }

  private static final class Task {
    final Tile body;
    final int count;
    final AtomicInteger next = new AtomicInteger();
    final AtomicInteger done = new AtomicInteger();
    volatile Throwable failure;
    volatile Thread waiter;

    Task(Tile body, int count) {
      this.body = body;
      this.count = count;
    }

    /** Takes tiles until none is left. */
    void work() {
      for (int i = next.getAndIncrement(); i < count; i = next.getAndIncrement()) {
        if (failure == null) {
          try {
            body.run(i);
          } catch (Throwable t) {
            failure = t;
          }
        }
        if (done.incrementAndGet() == count) {
          Thread w = waiter;
          if (w != null) {
            LockSupport.unpark(w);
          }
        }
      }
    }
  }

  private static final int SPINS = 2_000;

  private final Thread[] threads;
  private final ThreadLocal<Boolean> inside = ThreadLocal.withInitial(() -> false);
  private volatile Task current;
  private volatile boolean closed;

  /**
   * Starts {@code threadCount − 1} daemon threads.
   *
   * @param threadCount how many threads work on a task, the caller included; at least 1
   */
  public Workers(int threadCount) {
    if (threadCount < 1) {
      throw new IllegalArgumentException("threads: expected at least 1, got " + threadCount);
    }
    threads = new Thread[threadCount - 1];
    for (int i = 0; i < threads.length; i++) {
      threads[i] =
          Thread.ofPlatform().daemon().name("viridian-worker-" + (i + 1)).unstarted(this::loop);
      threads[i].start();
    }
  }

  /** How many threads work on a task, the caller included. */
  public int threadCount() {
    return threads.length + 1;
  }

  private void loop() {
    inside.set(true);
    Task last = null;
    int spins = 0;
    while (!closed) {
      Task task = current;
      if (task != null && task != last) {
        last = task;
        spins = 0;
        task.work();
      } else if (spins < SPINS) {
        spins++;
        Thread.onSpinWait();
      } else {
        LockSupport.park(this);
      }
    }
  }

  /**
   * Runs tiles 0 to {@code count − 1} and returns when all are done.
   *
   * @throws RuntimeException or Error that a tile threw; the tiles that had not begun are dropped
   */
  public void run(int count, Tile body) {
    if (count <= 1 || threads.length == 0 || inside.get()) {
      for (int i = 0; i < count; i++) {
        body.run(i);
      }
      return;
    }
    runShared(count, body);
  }

  private synchronized void runShared(int count, Tile body) {
    Task task = new Task(body, count);
    inside.set(true);
    try {
      current = task;
      for (int i = 0; i < Math.min(threads.length, count - 1); i++) {
        LockSupport.unpark(threads[i]);
      }
      task.work();
      task.waiter = Thread.currentThread();
      for (int spins = 0; task.done.get() < count; spins++) {
        if (spins < SPINS) {
          Thread.onSpinWait();
        } else {
          LockSupport.park(this);
        }
      }
    } finally {
      current = null;
      inside.set(false);
    }
    Throwable failure = task.failure;
    if (failure instanceof RuntimeException e) {
      throw e;
    } else if (failure instanceof Error e) {
      throw e;
    }
  }

  /** Ends the threads. No task may be running or follow. */
  @Override
  public void close() {
    closed = true;
    for (Thread thread : threads) {
      LockSupport.unpark(thread);
    }
  }
}
