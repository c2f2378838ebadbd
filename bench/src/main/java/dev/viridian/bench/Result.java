package dev.viridian.bench;

import dev.viridian.bench.peer.Run;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One line of a comparison.
 *
 * @param work what was done
 * @param dtype type of the weights
 * @param ours what it took here
 * @param peer what the other engine took, or null
 */
record Result(
    String work, String dtype, String device, int threads, Taken ours, @Nullable PeerResult peer) {

  /**
   * What a call took.
   *
   * @param seconds by the clock
   * @param cpuSeconds of all threads
   * @param peakRssBytes the most memory that the process has held so far
   * @param phases mean seconds of its parts; empty where it has none
   */
  record Taken(Seconds seconds, Seconds cpuSeconds, long peakRssBytes, Map<String, Double> phases) {
    /** From runs of so many calls each. */
    static Taken of(List<Run> runs, int calls, long peakRssBytes) {
      Map<String, Double> phases = new LinkedHashMap<>();
      for (Run run : runs) {
        run.phases()
            .forEach((phase, s) -> phases.merge(phase, s / runs.size() / calls, Double::sum));
      }
      return new Taken(
          Seconds.of(runs.stream().mapToDouble(r -> r.seconds() / calls).toArray()),
          Seconds.of(runs.stream().mapToDouble(r -> r.cpuSeconds() / calls).toArray()),
          peakRssBytes,
          phases);
    }

    /** Each part with its share of the whole; empty where there are none. */
    String parts() {
      double all = phases.values().stream().mapToDouble(s -> s).sum();
      return String.join(
          ", ",
          phases.entrySet().stream()
              .map(
                  e ->
                      String.format(
                          "%s %s (%.1f%%)",
                          e.getKey(), Seconds.format(e.getValue()), 100 * e.getValue() / all))
              .toList());
    }

    private void json(Map<String, Object> json) {
      json.put("seconds", seconds.json());
      json.put("cpu_seconds", cpuSeconds.json());
      json.put("peak_rss_bytes", peakRssBytes);
      if (!phases.isEmpty()) {
        json.put("phases", phases);
      }
    }

    @Override
    public String toString() {
      String took = seconds + ", CPU " + Seconds.format(cpuSeconds.median());
      return peakRssBytes == 0
          ? took
          : took + String.format(", %.1f GiB", peakRssBytes / (double) (1L << 30));
    }
  }

  /** What a peer took for the same. */
  record PeerResult(String name, Taken taken) {}

  /** The same beside a peer. */
  Result beside(PeerResult other) {
    return new Result(work, dtype, device, threads, ours, other);
  }

  /** Ours divided by the peer's, medians by the clock; null without a peer. */
  @Nullable Double ratio() {
    return peer == null ? null : ours.seconds().median() / peer.taken.seconds().median();
  }

  /** The same of CPU time. */
  @Nullable Double cpuRatio() {
    return peer == null ? null : ours.cpuSeconds().median() / peer.taken.cpuSeconds().median();
  }

  Map<String, Object> json() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("work", work);
    json.put("dtype", dtype);
    json.put("device", device);
    json.put("threads", threads);
    ours.json(json);
    Map<String, Object> other = null;
    if (peer != null) {
      other = new LinkedHashMap<>();
      other.put("name", peer.name);
      peer.taken.json(other);
    }
    json.put("peer", other);
    json.put("ratio", ratio());
    json.put("cpu_ratio", cpuRatio());
    return json;
  }

  /** One line for people. */
  String text() {
    String line = String.format("%-34s %-5s %s", work, dtype, ours);
    return peer == null
        ? line
        : line
            + String.format(
                "; %s: %s; ratio %.2f, of CPU time %.2f",
                peer.name, peer.taken, ratio(), cpuRatio());
  }
}
