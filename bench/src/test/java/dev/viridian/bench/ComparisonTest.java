package dev.viridian.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.bench.peer.Peer;
import dev.viridian.bench.peer.Run;
import dev.viridian.bench.work.Work;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.junit.jupiter.api.Test;

final class ComparisonTest {
  private final List<String> order = new ArrayList<>();

  private final Work work =
      new Work() {
        @Override
        public String name() {
          return "work";
        }

        @Override
        public void run() {
          order.add("ours");
        }

        @Override
        public void close() {}
      };

  private Peer peer(String name, double... seconds) {
    Iterator<Double> next = Arrays.stream(seconds).iterator();
    return new Peer() {
      @Override
      public String name() {
        return name;
      }

      @Override
      public Run run() {
        order.add(name);
        double taken = next.next();
        return new Run(taken, 2 * taken);
      }

      @Override
      public long peakRssBytes() {
        return 7;
      }

      @Override
      public void close() {}
    };
  }

  @Test
  void oursAndTheirsAlternateAndWarmUpDoesNotCount() {
    Peer peer = peer("peer", 100, 100, 3, 1, 2);
    List<Result> results =
        new Comparison(2, 3, new PrintWriter(new StringWriter()))
            .run(work, List.of(peer), new Comparison.Labels(1, "f32", "cpu", 2));
    assertEquals(5, order.stream().filter("ours"::equals).count());
    for (int i = 0; i < order.size(); i++) {
      assertEquals(i % 2 == 0 ? "ours" : "peer", order.get(i));
    }
    Result.PeerResult theirs = results.getFirst().peer();
    assertNotNull(theirs);
    assertEquals(new Seconds(1, 2, 3), theirs.taken().seconds());
    assertEquals(new Seconds(2, 4, 6), theirs.taken().cpuSeconds());
    assertEquals(results.getFirst().ours().seconds().median() / 2, results.getFirst().ratio());
  }

  @Test
  void peersAloneRunOneAfterTheOther() {
    List<Result.PeerResult> results =
        new Comparison(1, 2, new PrintWriter(new StringWriter()))
            .peers(
                List.of(() -> peer("a", 100, 3, 5), () -> peer("b", 100, 1, 2)),
                new Comparison.Labels(1, "f32", "cpu", 1));
    assertEquals(List.of("a", "a", "a", "b", "b", "b"), order);
    assertEquals(4, results.getFirst().taken().seconds().median());
    assertEquals(1.5, results.getLast().taken().seconds().median());
  }

  @Test
  void withoutAPeerThereIsNoRatio() {
    Result result =
        new Comparison(2, 2, new PrintWriter(new StringWriter()))
            .run(work, List.of(), new Comparison.Labels(1, "f32", "cpu", 2))
            .getFirst();
    assertNull(result.peer());
    assertNull(result.json().get("ratio"));
    assertTrue(result.json().containsKey("peer"));
  }

  @Test
  void eachCallIsAShareOfTheRun() {
    Result result =
        new Comparison(2, 1, new PrintWriter(new StringWriter()))
            .run(work, List.of(peer("peer", 1, 1, 8)), new Comparison.Labels(4, "f32", "cpu", 1))
            .getFirst();
    assertNotNull(result.peer());
    assertEquals(2, result.peer().taken().seconds().median());
  }

  @Test
  void theMedianOfAnEvenNumberLiesBetween() {
    assertEquals(new Seconds(1, 2.5, 9), Seconds.of(new double[] {9, 2, 1, 3}));
  }
}
