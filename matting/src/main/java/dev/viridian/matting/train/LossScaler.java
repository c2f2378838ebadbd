package dev.viridian.matting.train;

/**
 * Dynamic loss scaling, for gradients that pass through 16-bit floating point: the loss is
 * multiplied by a power of two so that small gradients are not rounded to 0. Where gradients are
 * not finite the step is left out and the scale halves; after {@link #GROWTH_INTERVAL} good steps
 * in a row it doubles. Powers of two change no bit of what is in range. Not thread-safe.
 */
public final class LossScaler {
  /** Good steps until the scale doubles. */
  public static final long GROWTH_INTERVAL = 2000;

  /** Where scales begin unless another is asked for. */
  public static final double INITIAL = 0x1p16;

  /** The largest scale. */
  public static final double MOST = 0x1p24;

  /** The smallest: a gradient that overflows here is none that scaling could save. */
  static final double LEAST = 0x1p-10;

  /**
   * All that continues a run.
   *
   * @param scale a power of two
   * @param good steps in a row that were made since the scale changed
   * @param skipped steps that were left out, altogether
   */
  public record State(double scale, long good, long skipped) {
    /** Checks that the scale is a power of two in range. */
    public State {
      if (!isScale(scale) || good < 0 || skipped < 0) {
        throw new IllegalArgumentException(
            "loss scale " + scale + ", " + good + " good and " + skipped + " skipped steps");
      }
    }
  }

  private final long growthInterval;
  private State state;

  /** Begins at a scale that {@link #isScale}. */
  public LossScaler(double initial) {
    this(initial, GROWTH_INTERVAL);
  }

  /** The same with another number of good steps until the scale doubles. */
  LossScaler(double initial, long growthInterval) {
    this.growthInterval = growthInterval;
    state = new State(initial, 0, 0);
  }

  /** Whether a number is a power of two that scales may be. */
  public static boolean isScale(double value) {
    return value >= LEAST && value <= MOST && value == Math.scalb(1.0, Math.getExponent(value));
  }

  /** What the loss is to be multiplied by in the next step. */
  public double scale() {
    return state.scale;
  }

  /**
   * Hears how a step went.
   *
   * @param finite whether all its gradients were, so that it was made
   * @return false where the scale cannot become smaller
   */
  public boolean update(boolean finite) {
    if (!finite) {
      boolean can = state.scale > LEAST;
      state = new State(can ? state.scale / 2 : state.scale, 0, state.skipped + 1);
      return can;
    }
    boolean grows = state.good + 1 >= growthInterval;
    state =
        grows
            ? new State(Math.min(MOST, 2 * state.scale), 0, state.skipped)
            : new State(state.scale, state.good + 1, state.skipped);
    return true;
  }

  /** What continues it. */
  public State state() {
    return state;
  }

  /** Goes on from a state. */
  public void restore(State from) {
    state = from;
  }
}
