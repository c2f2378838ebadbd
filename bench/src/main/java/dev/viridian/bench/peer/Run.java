package dev.viridian.bench.peer;

import java.util.Map;

/**
 * One run.
 *
 * @param seconds by the clock
 * @param cpuSeconds of all threads of the process together; on a machine that others keep busy they
 *     vary less
 * @param phases seconds of parts of it, by name; empty where the work has none
 */
public record Run(double seconds, double cpuSeconds, Map<String, Double> phases) {
  /** Of a work without parts. */
  public Run(double seconds, double cpuSeconds) {
    this(seconds, cpuSeconds, Map.of());
  }
}
