package dev.viridian.matting.cli;

import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Checks of flags' values against what is allowed; each says what was found and expected. */
public final class Checks {
  private final CommandLine line;

  /** Checks of one command's flags. */
  public Checks(CommandSpec command) {
    line = command.commandLine();
  }

  /** A whole number from {@code least} to {@code most}. */
  public void range(String flag, long value, long least, long most) {
    if (value < least || value > most) {
      throw wrong(flag + " is " + value + ", expected a number from " + least + " to " + most);
    }
  }

  /** A finite number from {@code least} to {@code most}. */
  public void range(String flag, double value, double least, double most) {
    if (!(value >= least && value <= most)) {
      throw wrong(
          flag
              + " is "
              + text(value)
              + ", expected a number from "
              + text(least)
              + " to "
              + text(most));
    }
  }

  /** A side of a picture. */
  public void side(String flag, int value, int least, int most) {
    if (value >= least && value <= most && value % 8 == 0) {
      return;
    }
    int nearest = Math.clamp((value + 4L) / 8 * 8, least, most);
    throw wrong(
        flag
            + " is "
            + value
            + ", expected a multiple of 8 from "
            + least
            + " to "
            + most
            + " (the nearest is "
            + nearest
            + ")");
  }

  /** One of some words, in any case; returns it as written in the list. */
  public String choice(String flag, String value, List<String> words) {
    for (String word : words) {
      if (word.equalsIgnoreCase(value)) {
        return word;
      }
    }
    String nearest = Suggestions.nearest(value, words);
    throw wrong(
        flag
            + " is '"
            + value
            + "', expected one of "
            + String.join(", ", words)
            + (nearest == null ? "" : "; did you mean '" + nearest + "'?"));
  }

  /** Refuses a flag that is understood and not built yet, when it is given. */
  public void notYet(String flag, boolean given) {
    if (given) {
      throw wrong("not available yet: " + flag);
    }
  }

  /** Refuses a flag that says nothing without another one. */
  public void needs(
      String flag, @Nullable Object value, String other, @Nullable Object otherValue) {
    if (value != null && otherValue == null) {
      throw wrong(flag + " needs " + other);
    }
  }

  /** An error about the command line; exit code 2. */
  public ParameterException wrong(String message) {
    return new ParameterException(line, message);
  }

  private static String text(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e9
        ? Long.toString((long) value)
        : Double.toString(value);
  }
}
