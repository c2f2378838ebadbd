package dev.viridian.engine.optim;

import dev.viridian.engine.InputException;
import dev.viridian.engine.Tensor;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * An exponential moving average of parameters, as diffusers' {@code EMAModel}: {@code shadow −= (1
 * − decay)·(shadow − w)}. In step t (from 1), with {@code n = max(0, t − updateAfterStep − 1)},
 * decay is 0 where n is 0 (the shadow becomes a copy), else {@code (1 + n) / (10 + n)}, or with
 * warm-up {@code 1 − (1 + n / invGamma)^−power}, kept between minDecay and decay. Owns the shadows,
 * not the parameters. Not thread-safe.
 */
public final class MovingAverage implements AutoCloseable {
  /** Constants; see the class. */
  public record Options(
      double decay,
      double minDecay,
      long updateAfterStep,
      boolean warmup,
      double invGamma,
      double power) {
    /** Decay 0.9999, no warm-up. */
    public static final Options DEFAULT = new Options(0.9999, 0, 0, false, 1, 2.0 / 3);

    /** Checks the ranges. */
    public Options {
      if (!(decay >= 0 && decay <= 1 && minDecay >= 0 && minDecay <= 1 && invGamma > 0)) {
        throw new IllegalArgumentException(
            "MovingAverage: decays must be from 0 to 1 and invGamma above 0: "
                + decay
                + ", "
                + minDecay
                + ", "
                + invGamma);
      }
    }
  }

  private final Options options;
  private final Map<String, Tensor> parameters;
  private final Map<String, Tensor> shadows = new LinkedHashMap<>();
  private long steps;

  /** Shadows start as copies of the named parameters, contiguous F32. */
  public MovingAverage(Map<String, Tensor> parameters, Options options) {
    this.options = options;
    this.parameters = new LinkedHashMap<>(parameters);
    this.parameters.forEach(Slots::requireTrainable);
    this.parameters.forEach(
        (name, parameter) -> {
          Tensor shadow = Slots.unscopedZeros(parameter).named(name);
          Slots.copy(parameter, shadow);
          shadows.put(name, shadow);
        });
  }

  /** The decay of a step, from 1. */
  public double decay(long step) {
    long n = Math.max(0, step - options.updateAfterStep - 1);
    if (n == 0) {
      return 0;
    }
    double decay =
        options.warmup
            ? 1 - Math.pow(1 + n / options.invGamma, -options.power)
            : (1.0 + n) / (10.0 + n);
    return Math.max(Math.min(decay, options.decay), options.minDecay);
  }

  /** Follows the parameters; call after each step of the optimiser. */
  public void step() {
    steps++;
    double decay = decay(steps);
    parameters.forEach(
        (name, parameter) ->
            parameter
                .device()
                .kernels()
                .optimizer()
                .movingAverage(
                    parameter.elements(),
                    decay,
                    parameter.buffer("MovingAverage"),
                    shadows.get(name).buffer("MovingAverage")));
  }

  /** The averages by name, live; they stay this object's. */
  public Map<String, Tensor> shadows() {
    return Collections.unmodifiableMap(shadows);
  }

  /** How many steps it has followed. */
  public long steps() {
    return steps;
  }

  /** Exchanges parameters and averages: to look at the averages, and, called again, to train on. */
  public void swap() {
    parameters.forEach(
        (name, parameter) -> {
          Tensor shadow = shadows.get(name);
          try (Tensor between = Slots.unscopedZeros(parameter)) {
            Slots.copy(parameter, between);
            Slots.copy(shadow, parameter);
            Slots.copy(between, shadow);
          }
        });
  }

  /**
   * Takes up a run.
   *
   * @throws InputException naming the average that is missing or of another shape
   */
  public void restore(Map<String, Tensor> averages, long stepsFollowed) {
    parameters.forEach((name, p) -> Slots.requireState(name, p, averages.get(name)));
    if (stepsFollowed < 0) {
      throw new InputException("moving average: " + stepsFollowed + " steps");
    }
    shadows.forEach((name, shadow) -> Slots.copy(averages.get(name), shadow));
    steps = stepsFollowed;
  }

  /** Closes the averages. */
  @Override
  public void close() {
    shadows.values().forEach(Tensor::close);
  }
}
