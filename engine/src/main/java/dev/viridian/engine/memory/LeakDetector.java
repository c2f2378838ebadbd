package dev.viridian.engine.memory;

import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Counts storages that were dropped without being given back. It reports them, it never frees them.
 * Thread-safe.
 */
public final class LeakDetector {
  private static final System.Logger LOG = System.getLogger(LeakDetector.class.getName());
  private static final Cleaner CLEANER = Cleaner.create();
  private static final AtomicLong OPEN = new AtomicLong();
  private static final AtomicLong LEAKED = new AtomicLong();

  private LeakDetector() {}

  /** A storage that has to be given back. */
  static final class Ticket implements Runnable {
    private final String what;
    private final AtomicBoolean closed = new AtomicBoolean();
    private Cleaner.Cleanable cleanable;

    private Ticket(Storage storage, String what) {
      this.what = what;
      this.cleanable = CLEANER.register(storage, this);
    }

    /** Runs when the storage is unreachable, or at {@link #close}. */
    @Override
    public void run() {
      OPEN.decrementAndGet();
      if (!closed.get()) {
        LEAKED.incrementAndGet();
        LOG.log(System.Logger.Level.WARNING, "leaked: {0} was never closed", what);
      }
    }

    void close() {
      closed.set(true);
      cleanable.clean();
    }
  }

  static Ticket open(Storage storage, String what) {
    OPEN.incrementAndGet();
    return new Ticket(storage, what);
  }

  /** Storages in use now. */
  public static long open() {
    return OPEN.get();
  }

  /** Storages that were found unreachable without having been given back. */
  public static long leaked() {
    return LEAKED.get();
  }
}
