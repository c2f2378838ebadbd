package dev.viridian.matting.train;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;

/** Where the time of a run goes. For one thread. */
final class Phases {
  private final Map<String, Long> nanos = new LinkedHashMap<>();

  /** Times a piece of work. */
  <T> T time(String phase, Supplier<T> work) {
    long start = System.nanoTime();
    try {
      return work.get();
    } finally {
      nanos.merge(phase, System.nanoTime() - start, Long::sum);
    }
  }

  /** Times a piece of work. */
  void run(String phase, Runnable work) {
    time(
        phase,
        () -> {
          work.run();
          return true;
        });
  }

  /** Seconds of each phase, in the order of their first beginning. */
  Map<String, Double> seconds() {
    Map<String, Double> out = new LinkedHashMap<>();
    nanos.forEach((phase, n) -> out.put(phase, n * 1e-9));
    return out;
  }
}
