package dev.viridian.diffusion.pipeline;

import java.util.concurrent.CancellationException;

/**
 * Lets another thread stop a run within one layer's time. Interrupting the running thread does the
 * same. Thread-safe; for one run or several.
 */
public final class Cancellation {
  private volatile boolean cancelled;

  /** Asks for the end. */
  public void cancel() {
    cancelled = true;
  }

  /** Whether the end was asked for. */
  public boolean isCancelled() {
    return cancelled;
  }

  /**
   * Called by the run between layers.
   *
   * @throws CancellationException if the end was asked for, or the thread interrupted
   */
  public void check() {
    if (cancelled || Thread.currentThread().isInterrupted()) {
      throw new CancellationException("the run was cancelled");
    }
  }
}
