package dev.viridian.bench.gpu;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The report for people. */
final class Report {
  private Report() {}

  /** From what is written as JSON. */
  static String markdown(Map<String, Object> report) {
    StringBuilder text = new StringBuilder("# Run book on a GPU\n\n");
    text.append(report.get("date")).append("\n\n");
    map(report.get("machine"))
        .forEach(
            (key, value) -> text.append("* ").append(key).append(": ").append(value).append('\n'));
    text.append("\n| part | status | seconds | |\n|---|---|---|---|\n");
    Map<String, Map<String, Object>> results = new LinkedHashMap<>();
    for (Object each : list(report.get("parts"))) {
      Map<String, Object> part = map(each);
      results.put(String.valueOf(part.get("part")), map(part.get("result")));
      text.append(
          String.format(
              Locale.ROOT,
              "| %s | %s | %.1f | %s |\n",
              part.get("part"),
              part.get("status"),
              number(part.get("seconds")),
              note(part)));
    }
    targets(results, text);
    kernels(results, text);
    results.forEach((name, result) -> values(name, result, text));
    return text.toString();
  }

  private static String note(Map<String, Object> part) {
    if (part.get("why") != null) {
      return String.valueOf(part.get("why"));
    }
    List<Object> log = list(part.get("log"));
    return log.isEmpty() ? "" : String.valueOf(log.getLast()).replace("|", "\\|");
  }

  /** What the figures are held against. */
  private static void targets(Map<String, Map<String, Object>> results, StringBuilder text) {
    Map<String, Object> full = results.getOrDefault("full", Map.of());
    Map<String, Object> peer = results.getOrDefault("peer", Map.of());
    List<String> rows = new ArrayList<>();
    Double step = median(full.get("replayed_step_seconds"));
    rows.add(
        row(
            "UNet step, batch 2, beside torch.compile",
            step,
            median(peer.get("unet_compiled")),
            1.0));
    rows.add(
        row("UNet step, batch 2, beside eager SDPA", step, median(peer.get("unet_eager")), 0.8));
    for (String shape : List.of("4096x4096x40", "4096x4096x64", "1024x1024x80")) {
      Double ours = kernel(results, "attention " + shape);
      rows.add(
          row(
              "attention " + shape + " beside SDPA",
              ours,
              median(peer.get("sdpa_" + shape)),
              1 / 0.9));
    }
    rows.add(row("20-step picture beside 1.2 s", median(full.get("picture_seconds")), 1.2, 1.0));
    Object peak = full.get("picture_peak_bytes");
    rows.add(
        row("peak memory, GB, beside 3.2", peak == null ? null : number(peak) / 1e9, 3.2, 1.0));
    text.append(
        "\n## Held against\n\n| | ours | other | ratio | at most | |\n|---|---|---|---|---|---|\n");
    rows.forEach(text::append);
  }

  private static String row(
      String name, @Nullable Double ours, @Nullable Double other, double most) {
    if (ours == null || other == null) {
      return String.format(
          Locale.ROOT,
          "| %s | %s | %s | | %.2f | not measured |\n",
          name,
          text(ours),
          text(other),
          most);
    }
    double ratio = ours / other;
    return String.format(
        Locale.ROOT,
        "| %s | %s | %s | %.2f | %.2f | %s |\n",
        name,
        text(ours),
        text(other),
        ratio,
        most,
        ratio <= most ? "yes" : "no");
  }

  private static String text(@Nullable Double value) {
    return value == null ? "" : String.format(Locale.ROOT, "%.3g", value);
  }

  private static void kernels(Map<String, Map<String, Object>> results, StringBuilder text) {
    List<Object> rows = list(results.getOrDefault("kernels", Map.of()).get("rows"));
    if (rows.isEmpty()) {
      return;
    }
    text.append("\n## Kernels\n\n| | ms | TFLOP/s | GB/s |\n|---|---|---|---|\n");
    for (Object each : rows) {
      Map<String, Object> row = map(each);
      Double seconds = median(row.get("seconds"));
      text.append(
          String.format(
              Locale.ROOT,
              "| %s | %.3f | %s | %s |\n",
              row.get("name"),
              seconds == null ? Double.NaN : 1e3 * seconds,
              rate(row.get("tflops")),
              rate(row.get("gb_per_s"))));
    }
  }

  private static String rate(@Nullable Object value) {
    return value == null ? "" : String.format(Locale.ROOT, "%.3g", number(value));
  }

  /** What else a part told, but for lists. */
  private static void values(String name, Map<String, Object> result, StringBuilder text) {
    if (result.isEmpty() || name.equals("kernels")) {
      return;
    }
    text.append("\n## ").append(name).append("\n\n");
    result.forEach(
        (key, value) -> text.append("* ").append(key).append(": ").append(value).append('\n'));
  }

  private static @Nullable Double kernel(Map<String, Map<String, Object>> results, String start) {
    for (Object each : list(results.getOrDefault("kernels", Map.of()).get("rows"))) {
      if (String.valueOf(map(each).get("name")).startsWith(start + ",")) {
        return median(map(each).get("seconds"));
      }
    }
    return null;
  }

  private static @Nullable Double median(@Nullable Object seconds) {
    Object value = seconds instanceof Map<?, ?> map ? map.get("median") : seconds;
    return value instanceof Number n ? n.doubleValue() : null;
  }

  private static double number(@Nullable Object value) {
    return value instanceof Number n ? n.doubleValue() : Double.NaN;
  }

  private static Map<String, Object> map(@Nullable Object value) {
    Map<String, Object> result = new LinkedHashMap<>();
    if (value instanceof Map<?, ?> map) {
      map.forEach((k, v) -> result.put(String.valueOf(k), v));
    }
    return result;
  }

  private static List<Object> list(@Nullable Object value) {
    return value instanceof List<?> list ? new ArrayList<>(list) : List.of();
  }
}
