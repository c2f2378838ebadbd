package dev.viridian.bench.peer;

/** An operation made ready in another engine. For one thread. */
public interface OpSession extends AutoCloseable {
  /** Does it so many times. */
  void run(int calls);

  /** What the last run gave, in PyTorch's layout. */
  float[] result();

  /** Frees it. */
  @Override
  void close();
}
