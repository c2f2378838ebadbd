package dev.viridian.bench;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** How long repeated runs took. */
record Seconds(double min, double median, double max) {
  /** Of at least one run. */
  static Seconds of(double[] runs) {
    double[] sorted = runs.clone();
    Arrays.sort(sorted);
    int n = sorted.length;
    return new Seconds(sorted[0], (sorted[(n - 1) / 2] + sorted[n / 2]) / 2, sorted[n - 1]);
  }

  Map<String, Object> json() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("min", min);
    json.put("median", median);
    json.put("max", max);
    return json;
  }

  @Override
  public String toString() {
    return format(median) + " (" + format(min) + " to " + format(max) + ")";
  }

  /** In seconds or milliseconds. */
  static String format(double seconds) {
    return seconds < 0.1
        ? String.format("%.3f ms", seconds * 1e3)
        : String.format("%.3f s", seconds);
  }
}
