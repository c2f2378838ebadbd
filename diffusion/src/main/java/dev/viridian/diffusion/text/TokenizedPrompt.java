package dev.viridian.diffusion.text;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * A prompt as the text encoder takes it: as many ids as it has positions, 77 for CLIP's: start
 * token, the text's tokens as far as there is room, end token, and end tokens up to the full
 * length. Immutable.
 */
public final class TokenizedPrompt {
  /** Positions of CLIP's text encoder: as many ids has a prompt where nothing else is said. */
  public static final int LENGTH = 77;

  private final int[] ids;
  private final int lengthUntruncated;
  private final int[] greenPositions;

  TokenizedPrompt(int[] tokens, int start, int end, int green, int length) {
    ids = new int[length];
    int kept = Math.min(tokens.length, length - 2);
    ids[0] = start;
    System.arraycopy(tokens, 0, ids, 1, kept);
    Arrays.fill(ids, 1 + kept, length, end);
    lengthUntruncated = tokens.length + 2;
    greenPositions = IntStream.range(0, length).filter(i -> ids[i] == green).toArray();
  }

  /** The ids (a copy). */
  public int[] ids() {
    return ids.clone();
  }

  /** Tokens before the padding, start and end among them: 2 to the number of ids. */
  public int length() {
    return Math.min(lengthUntruncated, ids.length);
  }

  /** What {@link #length()} would be if nothing were cut off. */
  public int lengthUntruncated() {
    return lengthUntruncated;
  }

  /**
   * Whether the text had more tokens than there is room for, the rest of which are missing here.
   */
  public boolean truncated() {
    return lengthUntruncated > ids.length;
  }

  /**
   * Where among the ids the token {@code green} (as a whole word or the end of one) stands, in
   * ascending order (a copy). Words such as "greenish" or "evergreen" are other tokens.
   */
  public int[] greenPositions() {
    return greenPositions.clone();
  }
}
