package dev.viridian.bench;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One line of a comparison.
 *
 * @param work what was done
 * @param dtype type of the weights
 * @param seconds ours
 * @param peakRssBytes the most memory that this process has held so far
 * @param peer the other engine's, or null
 */
record Result(
    String work,
    String dtype,
    String device,
    int threads,
    Seconds seconds,
    long peakRssBytes,
    @Nullable PeerResult peer) {

  /** What a peer took for the same. */
  record PeerResult(String name, Seconds seconds, long peakRssBytes) {}

  /** Ours divided by the peer's, medians; null without a peer. */
  @Nullable Double ratio() {
    return peer == null ? null : seconds.median() / peer.seconds.median();
  }

  Map<String, Object> json() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("work", work);
    json.put("dtype", dtype);
    json.put("device", device);
    json.put("threads", threads);
    json.put("seconds", seconds.json());
    json.put("peak_rss_bytes", peakRssBytes);
    Map<String, Object> other = null;
    if (peer != null) {
      other = new LinkedHashMap<>();
      other.put("name", peer.name);
      other.put("seconds", peer.seconds.json());
      other.put("peak_rss_bytes", peer.peakRssBytes);
    }
    json.put("peer", other);
    json.put("ratio", ratio());
    return json;
  }

  /** One line for people. */
  String text() {
    String line =
        String.format(
            "%-34s %-5s %s, %.1f GiB", work, dtype, seconds, peakRssBytes / (double) (1L << 30));
    if (peer == null) {
      return line;
    }
    return line
        + String.format(
            "; %s: %s, %.1f GiB; ratio %.2f",
            peer.name, peer.seconds, peer.peakRssBytes / (double) (1L << 30), ratio());
  }
}
