package dev.viridian.bench.work;

import java.util.Map;

/** Something that is done again and again and timed. */
public interface Work extends AutoCloseable {
  /** What it is, in one line. */
  String name();

  /** Does it once; complete when this returns. */
  void run();

  /** Seconds that parts of it took in all runs together; empty where it has none. */
  default Map<String, Double> phases() {
    return Map.of();
  }

  /** Frees what it holds. */
  @Override
  void close();
}
