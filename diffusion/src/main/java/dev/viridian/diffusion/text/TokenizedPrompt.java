package dev.viridian.diffusion.text;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * A prompt as the text encoder takes it: 77 ids, start token, at most 75 tokens of the text, end
 * token, and end tokens up to the full length. Immutable.
 */
public final class TokenizedPrompt {
  /** Ids of every tokenised prompt: the positions of CLIP's text encoder. */
  public static final int LENGTH = 77;

  private final int[] ids;
  private final int lengthUntruncated;
  private final int[] greenPositions;

  TokenizedPrompt(int[] tokens, int start, int end, int green) {
    ids = new int[LENGTH];
    int kept = Math.min(tokens.length, LENGTH - 2);
    ids[0] = start;
    System.arraycopy(tokens, 0, ids, 1, kept);
    Arrays.fill(ids, 1 + kept, LENGTH, end);
    lengthUntruncated = tokens.length + 2;
    greenPositions = IntStream.range(0, LENGTH).filter(i -> ids[i] == green).toArray();
  }

  /** The 77 ids (a copy). */
  public int[] ids() {
    return ids.clone();
  }

  /** Tokens before the padding, start and end among them: 2 to 77. */
  public int length() {
    return Math.min(lengthUntruncated, LENGTH);
  }

  /** What {@link #length()} would be if nothing were cut off. */
  public int lengthUntruncated() {
    return lengthUntruncated;
  }

  /** Whether the text had more than 75 tokens, the rest of which are missing here. */
  public boolean truncated() {
    return lengthUntruncated > LENGTH;
  }

  /**
   * Where among the 77 the token {@code green} (as a whole word or the end of one) stands, in
   * ascending order (a copy). Words such as "greenish" or "evergreen" are other tokens.
   */
  public int[] greenPositions() {
    return greenPositions.clone();
  }
}
