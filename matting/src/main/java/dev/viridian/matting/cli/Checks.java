package dev.viridian.matting.cli;

import dev.viridian.engine.io.Text;
import java.lang.reflect.Field;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

/** Checks of flags' values against what is allowed; each says what was found and expected. */
public final class Checks {
  private final CommandLine line;

  /** Checks of one command's flags. */
  public Checks(CommandSpec command) {
    line = command.commandLine();
  }

  /** The values of all flags of a command that have a {@link Range}. */
  void ranges(CommandSpec command) {
    for (OptionSpec option : command.options()) {
      Range range = range(option);
      Object value = option.getValue();
      if (range == null || value == null) {
        continue;
      }
      if (value instanceof Double number) {
        range(option.longestName(), number, range.least(), range.most());
      } else if (range.multipleOf() == 8) {
        side(option.longestName(), (int) value, (int) range.least(), (int) range.most());
      } else {
        range(option.longestName(), ((Number) value).longValue(), range.least(), range.most());
      }
    }
  }

  /** Refuses paths that are empty, among the flags and parameters of a command. */
  void paths(CommandSpec command) {
    for (ArgSpec flag : command.args()) {
      if (flag.getValue() instanceof Path path && path.toString().isEmpty()) {
        throw wrong(name(flag) + " is empty, expected a path");
      }
    }
  }

  /** A path, checked before it is used as one. */
  Path path(String flag, String value) {
    if (value.isBlank()) {
      throw wrong(flag + " is empty, expected a path");
    }
    try {
      return Path.of(value);
    } catch (InvalidPathException e) {
      throw wrong(flag + " is " + Text.quote(value) + ", expected a path: " + e.getReason());
    }
  }

  /** A flag, or the label of a parameter. */
  static String name(ArgSpec flag) {
    return flag instanceof OptionSpec option ? option.longestName() : flag.paramLabel();
  }

  /** The range of a flag, or null where it has none. */
  private static @Nullable Range range(ArgSpec flag) {
    return flag.userObject() instanceof Field field ? field.getAnnotation(Range.class) : null;
  }

  /** What a flag takes, in words. */
  static String expected(ArgSpec flag) {
    Class<?> type = flag.type();
    if (type == Path.class) {
      return "a path";
    }
    Range range = range(flag);
    String what = type == double.class || type == Double.class ? "a number" : "a whole number";
    if (range == null) {
      return what;
    }
    if (range.multipleOf() != 1) {
      what = "a multiple of " + range.multipleOf();
    }
    return what + " from " + range.least() + " to " + range.most();
  }

  /** A whole number from {@code least} to {@code most}. */
  public void range(String flag, long value, long least, long most) {
    if (value < least || value > most) {
      throw wrong(
          flag + " is " + value + ", expected a whole number from " + least + " to " + most);
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
            + " is "
            + Text.quote(value)
            + ", expected one of "
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
