package dev.viridian.matting.cli;

import dev.viridian.engine.io.Text;
import dev.viridian.engine.io.WriteException;
import dev.viridian.kernels.cuda.CudaFailure;
import dev.viridian.kernels.memory.DeviceMemoryException;
import java.io.PrintWriter;
import java.nio.file.InvalidPathException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/** Prints what went wrong, one line on standard error, and chooses the exit code. */
public final class Errors implements IParameterExceptionHandler, IExecutionExceptionHandler {
  private final BooleanSupplier verbose;

  /**
   * Handlers of one command line.
   *
   * @param verbose asked when an error is printed: whether its stack trace is wanted
   */
  public Errors(BooleanSupplier verbose) {
    this.verbose = verbose;
  }

  @Override
  public int handleParseException(ParameterException e, String[] args) {
    // The option itself may stand behind the error, where parsing did not come.
    boolean trace = verbose.getAsBoolean() || Arrays.asList(args).contains("--verbose");
    return report(e.getCommandLine().getErr(), e, message(e), trace);
  }

  @Override
  public int handleExecutionException(Exception e, CommandLine line, @Nullable ParseResult parsed) {
    String message = e instanceof ParameterException wrong ? message(wrong) : describe(e);
    return report(line.getErr(), e, message, verbose.getAsBoolean());
  }

  /** Prints {@code thrown} and returns its exit code; for what picocli does not catch. */
  public static int report(PrintWriter err, Throwable thrown, String message, boolean trace) {
    err.println("viridian: " + oneLine(message));
    if (trace) {
      thrown.printStackTrace(err);
    }
    err.flush();
    return Main.exitCode(thrown);
  }

  /** One line for something thrown while a command ran. */
  public static String describe(Throwable thrown) {
    if (Main.exitCode(thrown) == Main.INTERRUPTED) {
      return "interrupted";
    }
    String message = thrown.getMessage();
    if (thrown instanceof OutOfMemoryError) {
      boolean heap = message == null || !message.startsWith("Unable to allocate");
      return "out of memory ("
          + (message == null ? "no further detail" : message)
          + "); smaller --width and --height, a smaller --batch-size or a model in f16 take less"
          + (heap ? ", VIRIDIAN_JAVA_OPTIONS=-Xmx4g gives the Java heap more" : "");
    }
    boolean said =
        Main.exitCode(thrown) == Main.WRONG_INPUT
            || thrown instanceof DeviceMemoryException
            || thrown instanceof CudaFailure
            || thrown instanceof WriteException;
    if (said && message != null) {
      return message;
    }
    String what = thrown.getClass().getSimpleName();
    if (message != null && !message.isBlank()) {
      what += ": " + message;
    }
    return what + " (--verbose shows where)";
  }

  private static String message(ParameterException e) {
    CommandLine line = e.getCommandLine();
    if (e instanceof UnmatchedArgumentException unmatched && !unmatched.getUnmatched().isEmpty()) {
      return unmatched(unmatched, line.getCommandSpec());
    }
    String message = String.valueOf(e.getMessage());
    ArgSpec spec = e.getArgSpec();
    String value = e.getValue();
    if (spec != null && value != null && message.startsWith("Invalid value for ")) {
      return Checks.name(spec)
          + " is "
          + Text.quote(value)
          + ", expected "
          + Checks.expected(spec)
          + why(e);
    }
    if (spec != null && value != null && spec.completionCandidates() != null) {
      return message + didYouMean(value, spec.completionCandidates());
    }
    return message;
  }

  /** What a conversion has to say beyond that it failed. */
  private static String why(Throwable thrown) {
    for (Throwable t = thrown; t != null; t = t.getCause()) {
      if (t instanceof InvalidPathException path) {
        return ": " + path.getReason();
      }
    }
    return "";
  }

  private static String unmatched(UnmatchedArgumentException e, CommandSpec command) {
    String typed = e.getUnmatched().get(0);
    if (e.isUnknownOption()) {
      String name = typed.contains("=") ? typed.substring(0, typed.indexOf('=')) : typed;
      List<String> names = new ArrayList<>();
      for (OptionSpec option : command.options()) {
        if (!option.hidden()) {
          names.addAll(List.of(option.names()));
        }
      }
      return "unknown option " + Text.quote(name) + didYouMean(name, names);
    }
    if (command.parent() == null) {
      if (Main.LATER.contains(typed)) {
        return "not available yet: " + typed;
      }
      return "unknown command "
          + Text.quote(typed)
          + didYouMean(typed, command.subcommands().keySet());
    }
    if (!command.subcommands().isEmpty()) {
      return command.name()
          + " has no kind "
          + Text.quote(typed)
          + ", expected "
          + String.join(", ", command.subcommands().keySet())
          + didYouMean(typed, command.subcommands().keySet());
    }
    return "unexpected argument " + Text.quote(typed);
  }

  private static String didYouMean(String typed, Iterable<String> candidates) {
    String nearest = Suggestions.nearest(typed, candidates);
    return nearest == null ? "" : "; did you mean '" + nearest + "'?";
  }

  /** Without line ends, and without what would make a terminal show something else. */
  private static String oneLine(String message) {
    StringBuilder out = new StringBuilder();
    message
        .strip()
        .replaceAll("\\s*\\R\\s*", "; ")
        .codePoints()
        .forEach(c -> out.append(Text.line(Character.toString(c))));
    return out.toString();
  }
}
