package dev.viridian.matting.loss;

import java.util.Set;

/**
 * How L_g reads the paper.
 *
 * @param token which of several occurrences of "green" (A2)
 * @param perHead whether each head is compared on its own, not their mean (A4)
 * @param nearest whether the mask is brought to a layer's size by picking pixels, not by area means
 *     (A5)
 * @param normaliseMax whether a map is divided by its largest value, plus 1e−8 (A6)
 * @param levels which levels of the UNet take part, 0 being the latents' size; empty for all (A3)
 */
public record GreenOptions(
    Token token, boolean perHead, boolean nearest, boolean normaliseMax, Set<Integer> levels) {
  /** The last occurrence, mean of the heads, area means, raw probabilities, all layers. */
  public static final GreenOptions DEFAULT =
      new GreenOptions(Token.LAST, false, false, false, Set.of());

  /** Which occurrence of the word counts. */
  public enum Token {
    /** The first. */
    FIRST,
    /** The last: the one of the suffix. */
    LAST,
    /** The mean of all columns. */
    MEAN,
    /** At each place the largest of all columns. */
    MAX
  }

  /** Copies the set. */
  public GreenOptions {
    levels = Set.copyOf(levels);
  }

  /** Whether the layers of a level take part. */
  boolean uses(int level) {
    return levels.isEmpty() || levels.contains(level);
  }
}
