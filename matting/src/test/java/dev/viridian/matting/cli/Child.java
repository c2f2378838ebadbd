package dev.viridian.matting.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The command line in a process of its own, where a test needs its limits or its signals. */
final class Child implements AutoCloseable {
  private static final int SECONDS = 120;
  private static final String JVM_WARNING =
      "WARNING: Using incubator modules: jdk.incubator.vector";

  /** Makes it draw its progress at once, as on a terminal. */
  static final String DRAWS = "-Dviridian.terminal=true";

  /** Something to wait for. */
  interface Condition {
    /** Whether it is so now. */
    boolean holds() throws IOException;
  }

  private final Process process;
  private final Path out;
  private final Path err;

  private Child(Process process, Path out, Path err) {
    this.process = process;
    this.out = out;
    this.err = err;
  }

  /**
   * Starts it.
   *
   * @param limit shell commands before the start, such as {@code "ulimit -f 8"}; may be empty
   * @param jvm flags for the virtual machine
   */
  static Child start(Path scratch, String limit, List<String> jvm, List<String> args)
      throws IOException {
    List<String> command = new ArrayList<>();
    if (!limit.isEmpty()) {
      command.addAll(List.of("/bin/sh", "-c", limit + "; exec \"$@\"", "sh"));
    }
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-XX:+UseSerialGC", "-XX:-UsePerfData"));
    command.addAll(jvm);
    command.addAll(List.of("--add-modules", "jdk.incubator.vector"));
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-Djava.awt.headless=true"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    command.addAll(args);
    Path out = Files.createTempFile(scratch, "child", ".out");
    Path err = Files.createTempFile(scratch, "child", ".err");
    Process process =
        new ProcessBuilder(command)
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .directory(scratch.toFile())
            .start();
    return new Child(process, out, err);
  }

  /** Runs it to its end. */
  static Run run(Path scratch, String limit, List<String> jvm, List<String> args)
      throws IOException, InterruptedException {
    try (Child child = start(scratch, limit, jvm, args)) {
      return child.await();
    }
  }

  /** Waits until something is so; false if the process has ended before. */
  boolean until(Condition condition) throws IOException, InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
    while (System.nanoTime() < end && process.isAlive()) {
      if (condition.holds()) {
        return process.isAlive();
      }
      Thread.sleep(2);
    }
    return false;
  }

  /** Whether it has written that on standard error by now. */
  boolean said(String part) throws IOException {
    return Files.readString(err, StandardCharsets.UTF_8).contains(part);
  }

  /** Ctrl-C. */
  void interrupt() throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
  }

  /** Ends it at once, as a power failure does: it cannot do anything about it. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** What it wrote and how it ended; the virtual machine's own warning is left out. */
  Run await() throws IOException, InterruptedException {
    if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
      throw new AssertionError("did not end within " + SECONDS + " s: " + Files.readString(err));
    }
    String errors = Files.readString(err, StandardCharsets.UTF_8).replace(JVM_WARNING + "\n", "");
    return new Run(process.exitValue(), Files.readString(out, StandardCharsets.UTF_8), errors);
  }

  @Override
  public void close() throws IOException {
    process.destroyForcibly();
    Files.delete(out);
    Files.delete(err);
  }
}
