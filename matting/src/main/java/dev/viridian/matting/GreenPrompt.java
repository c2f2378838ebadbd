package dev.viridian.matting;

import dev.viridian.diffusion.text.ClipTokenizer;
import dev.viridian.matting.data.procedural.ProceduralObjects;

/**
 * The caption as the model is to see it: with the word {@code green} in it, for that is how
 * DiffuMatting was taught where the canvas is (ambiguity A2).
 *
 * @param text the prompt, with the suffix if it needed one
 * @param truncated whether some of it is more than the model reads
 */
public record GreenPrompt(String text, boolean truncated) {
  /** What is put after a prompt that has no {@code green} of its own. */
  public static final String SUFFIX = ProceduralObjects.GREEN_SUFFIX;

  /** No token of CLIP's has more characters: prompts with more of them a token cannot fit. */
  private static final int CHARACTERS = 64;

  /**
   * Appends the suffix where it is needed. A prompt that is too long for both is cut at a word, so
   * that the suffix is read.
   */
  public static GreenPrompt of(String prompt, String suffix, ClipTokenizer tokenizer) {
    boolean tooLong = tokenizer.encode(prompt).truncated();
    if (suffix.isEmpty() || tokenizer.encode(prompt).greenPositions().length > 0) {
      return new GreenPrompt(prompt, tooLong);
    }
    if (!tokenizer.encode(prompt + suffix).truncated()) {
      return new GreenPrompt(prompt + suffix, false);
    }
    int room = tokenizer.length() - 2 - tokenizer.tokens(suffix).length;
    return new GreenPrompt(cut(prompt, Math.max(0, room), tokenizer) + suffix, true);
  }

  /** The longest beginning of at most so many tokens, ending at a word where there is one. */
  private static String cut(String prompt, int tokens, ClipTokenizer tokenizer) {
    int low = 0;
    int high = Math.min(prompt.length(), Math.multiplyExact(tokenizer.length(), CHARACTERS));
    while (low < high) {
      int middle = (low + high + 1) / 2;
      if (tokenizer.tokens(prompt.substring(0, middle)).length <= tokens) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    if (low < prompt.length() && low > 0 && Character.isHighSurrogate(prompt.charAt(low - 1))) {
      low--;
    }
    String beginning = prompt.substring(0, low);
    int space = beginning.lastIndexOf(' ');
    return low < prompt.length() && space > 0 ? beginning.substring(0, space) : beginning;
  }
}
