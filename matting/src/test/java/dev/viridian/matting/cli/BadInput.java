package dev.viridian.matting.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.regex.Pattern;

/** What every refusal looks like. */
final class BadInput {
  private static final Pattern CLASS_NAME = Pattern.compile("\\b[A-Z]\\w*(Exception|Error)\\b");
  private static final Pattern PROGRESS = Pattern.compile("(?m)^\\r?denoise.*steps.*[\\n\\r]+");
  private static final int LONGEST = 16_000;

  private BadInput() {}

  /**
   * One line of the program's, without control characters and names of classes. On a slow machine
   * lines of progress may stand before it.
   */
  static boolean isOneLine(String all) {
    String err = PROGRESS.matcher(all).replaceAll("");
    return err.startsWith("viridian: ")
        && err.endsWith("\n")
        && err.lines().count() == 1
        && err.length() < LONGEST
        && err.chars().noneMatch(c -> c < ' ' && c != '\n')
        && !CLASS_NAME.matcher(err).find();
  }

  /** Runs a command that must be refused, and checks that the line says all of {@code parts}. */
  static Run refused(int code, List<String> args, String... parts) {
    Run run = Run.of(args.toArray(String[]::new));
    assertEquals(code, run.code(), run::toString);
    assertEquals("", run.out());
    assertTrue(isOneLine(run.err()), run::toString);
    for (String part : parts) {
      assertTrue(run.err().contains(part), () -> "'" + part + "' is missing: " + run.err());
    }
    return run;
  }
}
