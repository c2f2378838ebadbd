package dev.viridian.bench.work;

/** Something that is done again and again and timed. */
public interface Work extends AutoCloseable {
  /** What it is, in one line. */
  String name();

  /** Does it once; complete when this returns. */
  void run();

  /** Frees what it holds. */
  @Override
  void close();
}
