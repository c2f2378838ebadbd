package dev.viridian.matting.cli;

import dev.viridian.engine.InputException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.channels.ClosedByInterruptException;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/**
 * The {@code viridian} command.
 *
 * <p>Exit codes: 0 done; 1 it failed while running; 2 the command line or an input file is wrong;
 * 130 interrupted. Errors are one line on standard error, with a stack trace under {@code
 * --verbose}.
 */
@Command(
    name = "viridian",
    description = "Objects with matting-level alpha from text; mattes from green-screen pictures.",
    synopsisSubcommandLabel = "COMMAND",
    versionProvider = VersionText.class,
    footer = {"", "'viridian COMMAND --help' tells more about one of them."},
    subcommands = {
      GenerateCommand.class,
      ConvertCommand.class,
      InspectCommand.class,
      DatasetCommand.class,
      TrainCommand.class,
      EvaluateCommand.class,
      DoctorCommand.class
    })
public final class Main implements Runnable {
  /** It did what was asked. */
  public static final int OK = 0;

  /** It failed while running. */
  public static final int FAILED = 1;

  /** The command line or an input file is wrong. */
  public static final int WRONG_INPUT = 2;

  /** Somebody interrupted it (128 + SIGINT, as shells say). */
  public static final int INTERRUPTED = 130;

  /** Commands that are named in the plan and not built yet: said so instead of "unknown". */
  static final Set<String> LATER = Set.of("matte", "factory", "compose", "serve");

  @Spec private @Nullable CommandSpec spec;

  @CommandLine.Option(
      names = {"-h", "--help"},
      usageHelp = true,
      scope = ScopeType.INHERIT,
      description = "Show this help and end.")
  private boolean help;

  @CommandLine.Option(
      names = "--version",
      versionHelp = true,
      description = "Show the versions of Viridian and Java and the vector width, and end.")
  private boolean version;

  @CommandLine.Option(
      names = "--verbose",
      scope = ScopeType.INHERIT,
      description = "Show the stack trace of an error.")
  private boolean verbose;

  @CommandLine.Option(
      names = "--json",
      scope = ScopeType.INHERIT,
      description = "Print the result as one JSON object on standard output.")
  private boolean json;

  private final PrintStream err;

  private Main(PrintStream err) {
    this.err = err;
  }

  /** Runs the command line of the process and ends the process with its exit code. */
  public static void main(String[] args) {
    // What libraries log is told as the program tells things, without stack traces.
    System.setProperty("java.util.logging.SimpleFormatter.format", "viridian: %5$s%n");
    PrintStream out = utf8(System.out);
    PrintStream err = utf8(System.err);
    Interrupts.install(Thread.currentThread());
    int code = run(args, out, err);
    out.flush();
    err.flush();
    Interrupts.end(code);
  }

  /**
   * Runs one command line and returns its exit code; never ends the process. Safe to call many
   * times.
   *
   * @param out where results go
   * @param err where errors and progress go
   */
  public static int run(String[] args, PrintStream out, PrintStream err) {
    Main main = new Main(err);
    CommandLine line = new CommandLine(main);
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    line.setExpandAtFiles(false); // a prompt may begin with @
    line.setUsageHelpAutoWidth(false);
    line.setUsageHelpWidth(100);
    Errors errors = new Errors(main::verbose);
    line.setParameterExceptionHandler(errors);
    line.setExecutionExceptionHandler(errors);
    try {
      return line.execute(args);
    } catch (Error e) { // picocli hands over exceptions alone
      return Errors.report(line.getErr(), e, Errors.describe(e), main.verbose);
    }
  }

  private boolean verbose() {
    return verbose;
  }

  /** Where progress goes. */
  PrintStream err() {
    return err;
  }

  /** Whether the result is to be printed as JSON. */
  boolean json() {
    return json;
  }

  /** Without a command there is nothing to do: that is a wrong command line. */
  @Override
  public void run() {
    if (spec == null) {
      throw new IllegalStateException("picocli did not inject the command's specification");
    }
    throw new ParameterException(
        spec.commandLine(), "no command given; 'viridian --help' lists them");
  }

  private static PrintStream utf8(PrintStream stream) {
    return new PrintStream(stream, false, StandardCharsets.UTF_8);
  }

  /** Exit code of what a command threw. */
  static int exitCode(Throwable thrown) {
    for (Throwable t = thrown; t != null; t = t.getCause()) {
      if (t instanceof InterruptedException
          || t instanceof CancellationException
          || t instanceof ClosedByInterruptException) {
        return INTERRUPTED; // whatever was made of it on the way here
      }
    }
    boolean wrong = thrown instanceof ParameterException || thrown instanceof InputException;
    return wrong ? WRONG_INPUT : FAILED;
  }
}
