package dev.viridian.matting.cli;

/**
 * Ctrl-C: the JVM begins its shutdown on SIGINT and ends with 130. This interrupts the working
 * thread and gives it a moment to unwind, so that it can say so and let go of what it holds; the
 * temporary files are removed by {@link dev.viridian.engine.io.AtomicFile} in any case.
 */
final class Interrupts {
  private static final long PATIENCE_MS = 2000;
  private static boolean ending;
  private static boolean interrupted;

  private Interrupts() {}

  /** Interrupts {@code worker} when somebody interrupts the process. */
  static void install(Thread worker) {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> onShutdown(worker), "interrupt"));
  }

  private static void onShutdown(Thread worker) {
    synchronized (Interrupts.class) {
      if (ending) {
        return;
      }
      interrupted = true;
    }
    worker.interrupt();
    try {
      worker.join(PATIENCE_MS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Ends the process with {@code code}, unless a signal is ending it already. */
  static void end(int code) {
    synchronized (Interrupts.class) {
      if (interrupted) {
        return; // System.exit would wait for the hook, which waits for this thread
      }
      ending = true;
    }
    System.exit(code);
  }
}
