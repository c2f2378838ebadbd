package dev.viridian.engine.optim;

import dev.viridian.engine.InputException;
import java.util.Map;
import java.util.TreeMap;

/**
 * The learning rate of each step of the optimiser, as diffusers' schedules of the same names. With
 * a warm-up of w steps, step s below w has {@code base·s / w}: the first step has rate 0.
 * Immutable.
 */
@FunctionalInterface
public interface LearningRateSchedule {
  /** The rate of a step, from 0; beyond the planned end too. */
  double at(long step);

  /** Always the same. */
  static LearningRateSchedule constant(double base) {
    return step -> base;
  }

  /** The same after the warm-up. */
  static LearningRateSchedule constantWithWarmup(double base, long warmup) {
    return warmed(base, warmup, step -> base);
  }

  /** Falls along a line from the end of the warm-up to 0 at step {@code total}, and stays there. */
  static LearningRateSchedule linear(double base, long warmup, long total) {
    return warmed(
        base,
        warmup,
        step -> base * Math.max(0, (total - step) / (double) Math.max(1, total - warmup)));
  }

  /**
   * {@code base·(1 + cos(2π·cycles·progress)) / 2}; with half a cycle it falls to 0 at step {@code
   * total}. Beyond that it rises again.
   */
  static LearningRateSchedule cosine(double base, long warmup, long total, double cycles) {
    return warmed(base, warmup, step -> wave(base, 2 * cycles * progress(step, warmup, total)));
  }

  /** Half a cosine again and again, each from the base rate to 0; 0 from step {@code total} on. */
  static LearningRateSchedule cosineWithRestarts(double base, long warmup, long total, int cycles) {
    return warmed(
        base,
        warmup,
        step -> {
          double progress = progress(step, warmup, total);
          return progress >= 1 ? 0 : wave(base, cycles * progress % 1);
        });
  }

  /**
   * {@code (base − end)·(1 − progress)^power + end}, and {@code end} beyond step {@code total}.
   *
   * @param end below the base rate; diffusers' is 1e−7
   */
  static LearningRateSchedule polynomial(
      double base, long warmup, long total, double end, double power) {
    if (!(base > end)) {
      throw new InputException(
          "polynomial schedule: the learning rate must be above its end "
              + end
              + ", found "
              + base);
    }
    return warmed(
        base,
        warmup,
        step -> {
          if (step > total) {
            return end;
          }
          double left = 1 - (step - warmup) / (double) (total - warmup);
          return (base - end) * Math.pow(left, power) + end;
        });
  }

  /**
   * Factors of the base rate by step.
   *
   * @param rules such as {@code "1:10,0.1:20,0.01"}: factor 1 before step 10, 0.1 before step 20,
   *     0.01 from there on
   */
  static LearningRateSchedule piecewiseConstant(double base, String rules) {
    TreeMap<Long, Double> factors = new TreeMap<>();
    String[] parts = rules.split(",");
    double last;
    try {
      for (int i = 0; i < parts.length - 1; i++) {
        String[] rule = parts[i].split(":");
        factors.put(Long.parseLong(rule[1].strip()), Double.parseDouble(rule[0].strip()));
      }
      last = Double.parseDouble(parts[parts.length - 1].strip());
    } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
      throw new InputException(
          "step rules: expected FACTOR:STEP,...,FACTOR such as 1:10,0.1:20,0.01, found " + rules);
    }
    return step -> {
      Map.Entry<Long, Double> rule = factors.higherEntry(step);
      return base * (rule == null ? last : rule.getValue());
    };
  }

  private static LearningRateSchedule warmed(double base, long warmup, LearningRateSchedule after) {
    return step -> step < warmup ? base * step / Math.max(1, warmup) : after.at(step);
  }

  private static double progress(long step, long warmup, long total) {
    return (step - warmup) / (double) Math.max(1, total - warmup);
  }

  private static double wave(double base, double halfTurns) {
    return base * Math.max(0, 0.5 * (1 + Math.cos(Math.PI * halfTurns)));
  }
}
