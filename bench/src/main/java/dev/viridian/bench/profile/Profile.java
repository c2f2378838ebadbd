package dev.viridian.bench.profile;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;

/** Time spent in kernels, by operation and problem. Thread-safe. */
public final class Profile {
  /**
   * Calls of one operation on one problem.
   *
   * @param operation family and method, such as {@code gemm.gemm}
   * @param problem the sizes, as short as they can be told
   * @param flops operations of one call; 0 where they are not counted
   * @param calls how many
   * @param seconds all of them together
   */
  public record Line(String operation, String problem, double flops, long calls, double seconds) {
    /** Operations a second, in thousand millions. */
    public double gigaflops() {
      return flops * calls / seconds / 1e9;
    }
  }

  /**
   * One call.
   *
   * @param start nanoseconds on the clock of {@link System#nanoTime}
   */
  public record Call(String operation, String problem, double flops, long start, long nanos) {}

  private record Key(String operation, String problem, double flops) {}

  private static final class Sum {
    final LongAdder calls = new LongAdder();
    final LongAdder nanos = new LongAdder();
  }

  private final Map<Key, Sum> sums = new ConcurrentHashMap<>();
  private final Queue<Call> calls = new ConcurrentLinkedQueue<>();

  /** One more call. */
  void add(String operation, String problem, double flops, long start, long nanos) {
    calls.add(new Call(operation, problem, flops, start, nanos));
    Sum sum = sums.computeIfAbsent(new Key(operation, problem, flops), k -> new Sum());
    sum.calls.increment();
    sum.nanos.add(nanos);
  }

  /** Forgets everything. */
  public void clear() {
    sums.clear();
    calls.clear();
  }

  /** Every call, in the order in which they ended. */
  public List<Call> calls() {
    return List.copyOf(calls);
  }

  /** One line for each operation and problem, the longest time first. */
  public List<Line> lines() {
    List<Line> lines = new ArrayList<>();
    sums.forEach(
        (k, s) ->
            lines.add(
                new Line(k.operation, k.problem, k.flops, s.calls.sum(), s.nanos.sum() / 1e9)));
    lines.sort(Comparator.comparingDouble(Line::seconds).reversed());
    return lines;
  }

  /** One line for each operation, all problems together, the longest time first. */
  public List<Line> operations() {
    Map<String, Line> byOperation = new LinkedHashMap<>();
    for (Line line : lines()) {
      byOperation.merge(
          line.operation(),
          new Line(line.operation(), "", line.flops() * line.calls(), line.calls(), line.seconds()),
          (a, b) ->
              new Line(
                  a.operation(),
                  "",
                  a.flops() + b.flops(),
                  a.calls() + b.calls(),
                  a.seconds() + b.seconds()));
    }
    // Until here flops are of all calls.
    return byOperation.values().stream()
        .map(l -> new Line(l.operation(), "", l.flops() / l.calls(), l.calls(), l.seconds()))
        .sorted(Comparator.comparingDouble(Line::seconds).reversed())
        .toList();
  }

  /** Seconds in kernels. */
  public double seconds() {
    return lines().stream().mapToDouble(Line::seconds).sum();
  }
}
