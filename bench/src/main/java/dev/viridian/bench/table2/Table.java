package dev.viridian.bench.table2;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * Means and deviations over the seeds. The runs of a seed see the same pictures, noise and
 * timesteps in all variants, so the difference of two variants is taken seed by seed.
 */
final class Table {
  private final List<Outcome> outcomes;
  private final List<Long> steps;

  /** Of all outcomes of whole comparisons, the base's first. */
  Table(List<Outcome> outcomes) {
    this.outcomes = List.copyOf(outcomes);
    this.steps =
        outcomes.stream().filter(o -> o.variant() != null).map(Outcome::steps).distinct().toList();
  }

  /**
   * A figure over the seeds.
   *
   * @param deviation with n − 1; 0 of a single one
   */
  record Spread(double mean, double deviation) {
    static Spread of(List<Double> values) {
      double mean = values.stream().mapToDouble(v -> v).average().orElseThrow();
      double squares = values.stream().mapToDouble(v -> (v - mean) * (v - mean)).sum();
      int n = values.size();
      return new Spread(mean, n > 1 ? Math.sqrt(squares / (n - 1)) : 0);
    }

    String text(int digits, boolean signed) {
      String pattern = (signed ? "%+." : "%.") + digits + "f ± %." + digits + "f";
      return String.format(Locale.ROOT, pattern, mean, deviation);
    }

    Map<String, Object> facts() {
      Map<String, Object> facts = new LinkedHashMap<>();
      facts.put("mean", mean);
      facts.put("deviation", deviation);
      return facts;
    }
  }

  private List<Outcome> of(@Nullable Variant variant, long after) {
    return outcomes.stream().filter(o -> o.variant() == variant && o.steps() == after).toList();
  }

  private Spread spread(Variant variant, long after, ToDoubleFunction<Outcome> figure) {
    return Spread.of(of(variant, after).stream().map(o -> figure.applyAsDouble(o)).toList());
  }

  /** What leaving out a loss adds to a figure, seed by seed. */
  private List<Double> added(Variant variant, long after, ToDoubleFunction<Outcome> figure) {
    List<Outcome> with = of(Variant.ALL, after);
    List<Outcome> without = of(variant, after);
    List<Double> added = new ArrayList<>();
    for (int i = 0; i < with.size(); i++) {
      added.add(figure.applyAsDouble(without.get(i)) - figure.applyAsDouble(with.get(i)));
    }
    return added;
  }

  /** A row for each variant and number of steps. */
  List<Map<String, Object>> rows() {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (long after : steps) {
      for (Variant variant : Variant.values()) {
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("variant", variant.key());
        row.put("steps", after);
        row.put("gsg", spread(variant, after, Outcome::gsg).facts());
        row.put("grad", spread(variant, after, Outcome::grad).facts());
        row.put("sad", spread(variant, after, Outcome::sad).facts());
        row.put("gsg_added", Spread.of(added(variant, after, Outcome::gsg)).facts());
        row.put("grad_added", Spread.of(added(variant, after, Outcome::grad)).facts());
        rows.add(row);
      }
    }
    return rows;
  }

  /** The same as tables of Markdown, with what was expected and what came out. */
  String markdown() {
    StringBuilder text = new StringBuilder();
    Outcome base = of(null, 0).getFirst();
    for (long after : steps) {
      int seeds = of(Variant.ALL, after).size();
      text.append(after).append(" steps, ").append(seeds).append(" seeds:\n\n");
      text.append("| | GSG | Grad | SAD | GSG beside all losses | Grad beside all losses |\n");
      text.append("|---|---|---|---|---|---|\n");
      text.append(
          String.format(
              Locale.ROOT,
              "| base | %.1f | %.3f | %.3f | | |\n",
              base.gsg(),
              base.grad(),
              base.sad()));
      for (Variant variant : Variant.values()) {
        text.append("| ").append(variant.label());
        text.append(" | ").append(spread(variant, after, Outcome::gsg).text(1, false));
        text.append(" | ").append(spread(variant, after, Outcome::grad).text(3, false));
        text.append(" | ").append(spread(variant, after, Outcome::sad).text(3, false));
        if (variant == Variant.ALL) {
          text.append(" | | |\n");
          continue;
        }
        text.append(" | ").append(Spread.of(added(variant, after, Outcome::gsg)).text(1, true));
        text.append(" | ").append(Spread.of(added(variant, after, Outcome::grad)).text(3, true));
        text.append(" |\n");
      }
      text.append("\nWithout L_g the GSG is worse in ");
      text.append(worse(added(Variant.WITHOUT_GREEN, after, Outcome::gsg)));
      text.append(" runs; without L_detail Grad is worse in ");
      text.append(worse(added(Variant.WITHOUT_DETAIL, after, Outcome::grad)));
      text.append(".\n\n");
    }
    return text.toString();
  }

  private static String worse(List<Double> added) {
    return added.stream().filter(v -> v > 0).count() + " of " + added.size();
  }
}
