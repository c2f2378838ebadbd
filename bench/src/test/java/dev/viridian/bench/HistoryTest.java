package dev.viridian.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.InputException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class HistoryTest {
  @TempDir private Path folder;

  private static String run(String cpu, String peer, double min, double median, double max) {
    return String.format(
        "{\"date\":\"d%s\",\"machine\":{\"cpu\":\"%s\",\"features\":[\"fma\"],\"processors\":2},"
            + "\"results\":[{\"work\":\"step\",\"dtype\":\"f32\",\"threads\":2,"
            + "\"seconds\":{\"min\":%s,\"median\":%s,\"max\":%s},\"peer\":%s}]}",
        median, cpu, min, median, max, peer);
  }

  private static String peer(String name, double seconds) {
    return String.format(
        "{\"name\":\"%s\",\"seconds\":{\"min\":%s,\"median\":%s,\"max\":%s}}",
        name, seconds, seconds, seconds);
  }

  private List<History.Change> changes(String... lines) throws IOException {
    return History.changes(Files.write(folder.resolve("history.jsonl"), List.of(lines)));
  }

  @Test
  void theLastTwoRunsOfTheSameAreCompared() throws IOException {
    List<History.Change> changes =
        changes(run("a", "null", 9, 9, 9), run("a", "null", 1, 2, 3), run("a", "null", 4, 5, 6));
    assertEquals(1, changes.size());
    History.Change change = changes.getFirst();
    assertEquals(new History.Entry("d2.0", 2, 1, 3), change.before());
    assertEquals(new History.Entry("d5.0", 5, 4, 6), change.last());
    assertTrue(change.worse());
    assertTrue(change.toString().startsWith("WORSE step f32, 2 threads alone"), change.toString());
  }

  @Test
  void whatDiffersByLessThanTheSpreadIsNotWorse() throws IOException {
    assertEquals(
        false, changes(run("a", "null", 1, 2, 3), run("a", "null", 2, 2.9, 4)).getFirst().worse());
    assertEquals( // above all earlier runs, but its own best is as good as before
        false,
        changes(run("a", "null", 1, 2, 3), run("a", "null", 1.9, 3.5, 4)).getFirst().worse());
    assertEquals( // no spread at all, and 2% of difference
        false,
        changes(run("a", "null", 2, 2, 2), run("a", "null", 2.04, 2.04, 2.04)).getFirst().worse());
  }

  @Test
  void withAPeerRatiosCountAndNotSeconds() throws IOException {
    History.Change change =
        changes(
                run("a", peer("p 1", 4), 2, 2, 2), // another machine state: twice as slow, both
                run("a", peer("p 1", 8), 4, 4, 4))
            .getFirst();
    assertEquals(0.5, change.before().value());
    assertEquals(0.5, change.last().value());
    assertEquals(false, change.worse());
  }

  @Test
  void otherMachinesAndPeersAreNotCompared() throws IOException {
    assertEquals(
        List.of(),
        changes(
            run("a", "null", 1, 1, 1),
            run("b", "null", 2, 2, 2),
            run("a", peer("p 1", 1), 1, 1, 1),
            run("a", peer("p 2", 1), 2, 2, 2)));
  }

  @Test
  void whatIsNoHistoryIsNamedWithItsLine() {
    String message =
        assertThrows(InputException.class, () -> changes(run("a", "null", 1, 1, 1), "{oops"))
            .getMessage();
    assertTrue(message.contains("line 2"), message);
  }

  @Test
  void theJsonFormSaysTheSame() throws IOException {
    StringWriter text = new StringWriter();
    boolean worse =
        History.print(
            changes(run("a", "null", 1, 1, 1), run("a", "null", 2, 2, 2)),
            true,
            new PrintWriter(text));
    assertTrue(worse);
    assertTrue(text.toString().contains("\"worse\" : true"), text.toString());
  }
}
