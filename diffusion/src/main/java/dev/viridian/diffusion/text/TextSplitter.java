package dev.viridian.diffusion.text;

import java.text.Normalizer;
import java.util.List;
import java.util.function.Consumer;

/** What happens to a prompt before byte-pair merging: normal form, lower case, words. */
final class TextSplitter {
  private static final List<String> CONTRACTIONS =
      List.of("'s", "'t", "'re", "'ve", "'m", "'ll", "'d");

  private TextSplitter() {}

  /** Replaces every unpaired surrogate by U+FFFD, since no UTF-8 text has one. */
  static String replaceUnpairedSurrogates(String text) {
    StringBuilder out = new StringBuilder(text.length());
    text.codePoints()
        .forEach(
            c ->
                out.appendCodePoint(
                    Character.MIN_SURROGATE <= c && c <= Character.MAX_SURROGATE ? 0xfffd : c));
    return out.toString();
  }

  /** NFC, every run of white space one space, lower case by the character. */
  static String normalize(String text) {
    String composed = Normalizer.normalize(text, Normalizer.Form.NFC);
    StringBuilder out = new StringBuilder(composed.length());
    boolean space = false;
    for (int i = 0; i < composed.length(); ) {
      int c = composed.codePointAt(i);
      i += Character.charCount(c);
      if (isWhiteSpace(c)) {
        if (!space) {
          out.append(' ');
        }
        space = true;
        continue;
      }
      space = false;
      if (c == 0x130) {
        out.append("i\u0307"); // the only lower case of two characters
      } else {
        // by the character: String.toLowerCase would turn a sigma at the end of a word into ς
        out.appendCodePoint(Character.toLowerCase(c));
      }
    }
    return out.toString();
  }

  /** Unicode's White_Space, which neither {@code \s} nor {@code isWhitespace} is. */
  private static boolean isWhiteSpace(int c) {
    return (c >= 0x9 && c <= 0xd)
        || c == ' '
        || c == 0x85
        || c == 0xa0
        || c == 0x1680
        || (c >= 0x2000 && c <= 0x200a)
        || c == 0x2028
        || c == 0x2029
        || c == 0x202f
        || c == 0x205f
        || c == 0x3000;
  }

  /**
   * The words of a normalised text, in order: a contraction ({@code 's 't 're 've 'm 'll 'd}), a
   * run of letters, a single number character, or a run of anything else but spaces. Spaces are
   * dropped.
   */
  static void words(String text, Consumer<String> word) {
    int at = 0;
    while (at < text.length()) {
      int end = contractionEnd(text, at);
      if (end == at) {
        Kind kind = kind(text.codePointAt(at));
        end = at + Character.charCount(text.codePointAt(at));
        while (kind != Kind.NUMBER && end < text.length() && kind(text.codePointAt(end)) == kind) {
          end += Character.charCount(text.codePointAt(end));
        }
        if (kind == Kind.SPACE) {
          at = end;
          continue;
        }
      }
      word.accept(text.substring(at, end));
      at = end;
    }
  }

  private static int contractionEnd(String text, int at) {
    if (text.charAt(at) == '\'') {
      for (String contraction : CONTRACTIONS) {
        if (text.startsWith(contraction, at)) {
          return at + contraction.length();
        }
      }
    }
    return at;
  }

  private enum Kind {
    SPACE,
    LETTER,
    NUMBER,
    OTHER
  }

  private static Kind kind(int c) {
    if (c == ' ') {
      return Kind.SPACE;
    }
    return switch (Character.getType(c)) {
      case Character.UPPERCASE_LETTER,
          Character.LOWERCASE_LETTER,
          Character.TITLECASE_LETTER,
          Character.MODIFIER_LETTER,
          Character.OTHER_LETTER ->
          Kind.LETTER;
      case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER ->
          Kind.NUMBER;
      default -> Kind.OTHER;
    };
  }
}
