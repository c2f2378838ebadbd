package dev.viridian.bench.peer;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A program that may fail or hang without harm to who started it. */
public final class ChildProcess {
  /** Exit code of a program that ran past its time and was ended. */
  public static final int TIMED_OUT = 124;

  /** Exit code where the program could not be started. */
  public static final int NOT_STARTED = 127;

  private ChildProcess() {}

  /**
   * How it ended.
   *
   * @param code its exit code
   * @param output what it printed on standard output
   * @param seconds by the clock
   */
  public record Ended(int code, String output, double seconds) {}

  /**
   * Runs a program to its end or the end of its time.
   *
   * @param log where its standard error goes; what it printed goes beside it
   */
  public static Ended run(List<String> command, double limitSeconds, Path log) {
    Path printed = log.resolveSibling(log.getFileName() + ".out");
    long start = System.nanoTime();
    try {
      Process process;
      try {
        process =
            new ProcessBuilder(command)
                .redirectError(log.toFile())
                .redirectOutput(printed.toFile())
                .start();
      } catch (IOException e) {
        Files.writeString(log, String.valueOf(e.getMessage()) + "\n");
        return new Ended(NOT_STARTED, "", 0);
      }
      process.getOutputStream().close();
      int code;
      if (process.waitFor((long) (limitSeconds * 1000), TimeUnit.MILLISECONDS)) {
        code = process.exitValue();
      } else {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly().waitFor();
        code = TIMED_OUT;
      }
      double seconds = (System.nanoTime() - start) / 1e9;
      byte[] output = Files.readAllBytes(printed);
      return new Ended(code, new String(output, StandardCharsets.UTF_8), seconds);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
