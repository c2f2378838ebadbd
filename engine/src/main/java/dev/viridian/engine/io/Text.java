package dev.viridian.engine.io;

/** Text from files, made fit for a message of one line. */
public final class Text {
  private static final int LONGEST = 120;

  private Text() {}

  /** {@code text} in single quotes, control characters escaped, cut where it is very long. */
  public static String quote(String text) {
    return "'" + line(text, LONGEST) + "'";
  }

  /** {@code text} with control characters escaped. */
  public static String line(String text) {
    return line(text, 4096);
  }

  private static String line(String text, int longest) {
    if (text.length() <= longest && isPlain(text)) {
      return text; // nearly always: names of tensors, a thousand of them at every start
    }
    StringBuilder out = new StringBuilder();
    text.codePoints()
        .limit(longest)
        .forEach(
            c -> {
              if (c == '\n') {
                out.append("\\n");
              } else if (Character.isISOControl(c)
                  || c == 0x2028
                  || c == 0x2029
                  || Character.getType(c) == Character.FORMAT
                  || Character.getType(c) == Character.SURROGATE) {
                out.append(String.format("\\u%04x", c));
              } else {
                out.appendCodePoint(c);
              }
            });
    if (text.codePointCount(0, text.length()) > longest) {
      out.append('…');
    }
    return out.toString();
  }

  private static boolean isPlain(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c < ' ' || c > '~') {
        return false;
      }
    }
    return true;
  }
}
