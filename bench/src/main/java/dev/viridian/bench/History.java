package dev.viridian.bench;

import dev.viridian.engine.InputException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The last run of each work beside the one before it, among runs that may be compared: same kind of
 * machine, type, threads and peer. What got slower by more than both runs' spread is said.
 */
final class History {
  /** Less than this is no difference, however little the runs of one sitting differ. */
  private static final double FLOOR = 1.05;

  /**
   * What one run says.
   *
   * @param value ours divided by the peer's, or our seconds without a peer
   * @param least the same with our fastest run and the peer's slowest
   * @param most the other way round
   */
  record Entry(String date, double value, double least, double most) {}

  /** Two runs of the same. */
  record Change(String what, boolean seconds, Entry before, Entry last) {
    /** Whether it got worse by more than the spread of both. */
    boolean worse() {
      return last.value > before.most
          && last.least > before.value
          && last.value > FLOOR * before.value;
    }

    Map<String, Object> json() {
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("what", what);
      json.put("unit", seconds ? "seconds" : "ratio");
      json.put("before", before.value);
      json.put("before_date", before.date);
      json.put("last", last.value);
      json.put("last_date", last.date);
      json.put("worse", worse());
      return json;
    }

    @Override
    public String toString() {
      return String.format(
          "%-5s %s: %s, before (%s) %s",
          worse() ? "WORSE" : "", what, text(last), before.date, text(before));
    }

    private String text(Entry e) {
      return seconds
          ? new Seconds(e.least, e.value, e.most).toString()
          : String.format("%.2f (%.2f to %.2f)", e.value, e.least, e.most);
    }
  }

  private History() {}

  /** Every work that was run twice or more, by the order of its first run. */
  static List<Change> changes(Path file) {
    Map<String, List<Entry>> runs = new LinkedHashMap<>();
    int number = 0;
    for (String line : lines(file)) {
      number++;
      if (line.isBlank()) {
        continue;
      }
      try {
        add(runs, JsonMapper.shared().readTree(line));
      } catch (JacksonException e) {
        throw new InputException(
            file + ", line " + number + ": not a run, expected what --history writes: " + e, e);
      }
    }
    List<Change> changes = new ArrayList<>();
    runs.forEach(
        (key, entries) -> {
          if (entries.size() > 1) {
            int last = entries.size() - 1;
            String[] parts = key.split("\n");
            boolean seconds = parts[0].endsWith(" alone");
            changes.add(new Change(parts[0], seconds, entries.get(last - 1), entries.get(last)));
          }
        });
    return changes;
  }

  /** Prints them and returns whether any is worse. */
  static boolean print(List<Change> changes, boolean json, PrintWriter out) {
    if (json) {
      out.println(Json.text(changes.stream().map(Change::json).toList()));
    } else if (changes.isEmpty()) {
      out.println("nothing was run twice on one kind of machine");
    } else {
      changes.forEach(out::println);
    }
    out.flush();
    return changes.stream().anyMatch(Change::worse);
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read, expected a file of --history: " + e, e);
    }
  }

  private static void add(Map<String, List<Entry>> runs, JsonNode run) {
    JsonNode machine = run.path("machine");
    String kind =
        machine.path("cpu") + " " + machine.path("features") + " " + machine.path("processors");
    for (JsonNode result : run.path("results")) {
      JsonNode peer = result.path("peer");
      String what =
          result.path("work").asString()
              + " "
              + result.path("dtype").asString()
              + ", "
              + result.path("threads").asInt()
              + " threads"
              + (peer.isObject() ? " beside " + peer.path("name").asString() : " alone");
      JsonNode ours = result.path("seconds");
      JsonNode theirs = peer.path("seconds");
      String date = run.path("date").asString();
      runs.computeIfAbsent(what + "\n" + kind, key -> new ArrayList<>())
          .add(
              new Entry(
                  date,
                  ratio(ours, "median", theirs, "median"),
                  ratio(ours, "min", theirs, "max"),
                  ratio(ours, "max", theirs, "min")));
    }
  }

  private static double ratio(JsonNode ours, String field, JsonNode theirs, String other) {
    return ours.path(field).asDouble() / (theirs.isObject() ? theirs.path(other).asDouble() : 1);
  }
}
