package dev.viridian.bench.table2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TableTest {
  /** Without L_g the GSG is 10, 20 and −3 more; without L_detail Grad is 0.01 more each time. */
  private static Table table() {
    List<Outcome> all = new ArrayList<>();
    all.add(new Outcome(null, 0, 0, 150, 2, 3));
    double[] gsg = {40, 50, 60};
    double[] more = {10, 20, -3};
    for (int seed = 1; seed <= 3; seed++) {
      double g = gsg[seed - 1];
      double e = 0.1 * seed;
      all.add(new Outcome(Variant.ALL, seed, 7, g, e, 1));
      all.add(new Outcome(Variant.WITHOUT_GREEN, seed, 7, g + more[seed - 1], e - 0.02, 1));
      all.add(new Outcome(Variant.WITHOUT_DETAIL, seed, 7, g - 1, e + 0.01, 1));
    }
    return new Table(all);
  }

  @Test
  void meansDeviationsAndDifferencesSeedBySeed() {
    String text = table().markdown();
    assertTrue(text.startsWith("7 steps, 3 seeds:\n"), text);
    assertTrue(text.contains("| base | 150.0 | 2.000 | 3.000 | | |\n"), text);
    assertTrue(
        text.contains("| all losses | 50.0 ± 10.0 | 0.200 ± 0.100 | 1.000 ± 0.000 | | |\n"), text);
    assertTrue(
        text.contains(
            "| without L_g | 59.0 ± 10.1 | 0.180 ± 0.100 | 1.000 ± 0.000 | +9.0 ± 11.5 |"
                + " -0.020 ± 0.000 |\n"),
        text);
    assertTrue(text.contains("| -1.0 ± 0.0 | +0.010 ± 0.000 |\n"), text);
    assertTrue(text.contains("GSG is worse in 2 of 3 runs"), text);
    assertTrue(text.contains("Grad is worse in 3 of 3"), text);
  }

  @Test
  void theSameForPrograms() {
    List<Map<String, Object>> rows = table().rows();
    assertEquals(3, rows.size());
    assertEquals("without-green", rows.get(1).get("variant"));
    assertEquals(7L, rows.get(1).get("steps"));
    Map<?, ?> added = (Map<?, ?>) rows.get(1).get("gsg_added");
    assertEquals(9.0, (double) added.get("mean"), 1e-12);
    assertEquals(Math.sqrt((1 + 121 + 144) / 2.0), (double) added.get("deviation"), 1e-12);
  }
}
