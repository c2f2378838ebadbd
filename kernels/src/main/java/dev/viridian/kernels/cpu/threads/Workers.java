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

  /**
   * How long a thread that has nothing to do stays awake, in nanoseconds: what a network does
   * between two tasks takes less. To be woken may take as long as a small task, on a virtual
   * machine most of all.
   */
  private static final long PATIENCE = 3_000_000;

  /** The same where threads outnumber processors: whoever waits keeps another from working. */
  private static final long CROWDED_PATIENCE = 100_000;

  /** Threads of all that are not closed; whoever gives them work is one more. */
  private static final AtomicInteger LIVING = new AtomicInteger();

  private static final int PROCESSORS = Runtime.getRuntime().availableProcessors();

  /** Turns of a waiting loop between two looks at the clock. */
  private static final int TURNS = 32;

  /** A wait that has begun. */
  private static final class Wait {
    private long patience;
    private long begin;
    private int turns;

    /** Begins anew. */
    void restart() {
      turns = 0;
    }

    /** Waits for a moment; false if it is time to sleep. */
    boolean goesOn() {
      Thread.onSpinWait();
      if (turns++ % TURNS != 0) {
        return true;
      }
      long now = System.nanoTime();
      if (turns == 1) {
        begin = now;
        patience = LIVING.get() + 1 > PROCESSORS ? CROWDED_PATIENCE : PATIENCE;
      }
      return now - begin < patience;
    }
  }

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
    LIVING.addAndGet(threads.length);
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
    Wait wait = new Wait();
    while (!closed) {
      Task task = current;
      if (task != null && task != last) {
        last = task;
        task.work();
        wait.restart();
      } else if (!wait.goesOn()) {
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
      Wait wait = new Wait();
      while (task.done.get() < count) {
        if (!wait.goesOn()) {
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
    if (!closed) {
      LIVING.addAndGet(-threads.length);
    }
    closed = true;
    for (Thread thread : threads) {
      LockSupport.unpark(thread);
    }
  }
}
