package dev.viridian.bench.peer;

/** Another engine that does the same work. Idle between runs. */
public interface Peer extends AutoCloseable {
  /** Which, and how it is set up. */
  String name();

  /** Does the work once and returns what it took, measured by the peer itself. */
  Run run();

  /** The most memory that its process has held so far, in bytes; 0 where unknown. */
  long peakRssBytes();

  /** Ends it. */
  @Override
  void close();
}
