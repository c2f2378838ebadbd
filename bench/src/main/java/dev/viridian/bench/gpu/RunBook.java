package dev.viridian.bench.gpu;

import dev.viridian.bench.peer.ChildProcess;
import dev.viridian.engine.Device;
import dev.viridian.engine.io.AtomicFile;
import dev.viridian.kernels.DType;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * What is done on a machine with a GPU: each part in a process of its own, with a time limit of its
 * own, so that one that fails, hangs or dies leaves the others alone; then a report.
 */
public final class RunBook {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final double LEAST_SECONDS = 5;
  private static final int MOST_LINES = 12;

  /** Ended with what was expected. */
  public static final String PASSED = "passed";

  /**
   * A part.
   *
   * @param seconds the most that it may take
   * @param command what is run; empty: it is skipped
   * @param why why it is skipped
   */
  public record Part(String name, double seconds, List<String> command, String why) {
    /** One that runs. */
    public static Part of(String name, double seconds, List<String> command) {
      return new Part(name, seconds, command, "");
    }

    /** One that cannot. */
    public static Part skipped(String name, String why) {
      return new Part(name, 0, List.of(), why);
    }
  }

  /**
   * What is asked for.
   *
   * @param out where reports, logs and pictures go
   * @param device such as cuda:0
   * @param python for the peer, or null for none
   * @param tests folder with the jars of the tests and their goldens, or null for none
   * @param sanitizer compute-sanitizer, or null for none
   */
  public record Setup(
      Path out,
      String device,
      @Nullable String python,
      @Nullable Path tests,
      @Nullable String sanitizer) {}

  private RunBook() {}

  /** The parts in their order. */
  public static List<Part> parts(Setup s) {
    List<Part> parts = new ArrayList<>();
    parts.add(Part.of("doctor", 30, cli("doctor", "--json")));
    parts.add(
        test(
            "ops",
            150,
            s,
            "dev.viridian.engine.ops.CudaCatalogueTest",
            "dev.viridian.engine.ops.CudaComputeTypeTest",
            "dev.viridian.engine.ops.CudaActivationTypeTest"));
    parts.add(
        test(
            "goldens",
            100,
            s,
            "dev.viridian.engine.ops.OpGoldenTest",
            "dev.viridian.diffusion.NetworkGoldenTest"));
    parts.add(Part.of("networks", 60, own(s, "networks")));
    String picture = s.out.resolve("picture.png").toString();
    parts.add(
        Part.of(
            "generate",
            60,
            cli(
                "generate",
                "--prompt",
                "a red apple",
                "--seed",
                "1",
                "--device",
                s.device,
                "--overwrite",
                "--output",
                picture)));
    parts.add(Part.of("kernels", 60, own(s, "kernels")));
    parts.add(Part.of("full", 120, own(s, "full")));
    Path pictures = s.out.resolve("training-pictures");
    parts.add(
        Files.exists(pictures)
            ? Part.skipped("pictures", pictures + " is there already")
            : Part.of(
                "pictures",
                30,
                cli(
                    "dataset",
                    "procedural",
                    "--count",
                    "8",
                    "--size",
                    "64",
                    "--seed",
                    "1",
                    "--output",
                    pictures.toString())));
    parts.add(
        Part.of(
            "training",
            60,
            cli(
                "train",
                "--stage",
                "scratch",
                "--config",
                "small",
                "--train-data-dir",
                pictures.toString(),
                "--output",
                s.out.resolve("trained").toString(),
                "--resolution",
                "64",
                "--train-batch-size",
                "2",
                "--max-train-steps",
                "3",
                "--seed",
                "1",
                "--device",
                s.device)));
    parts.add(
        s.python == null
            ? Part.skipped("peer", "no Python given")
            : Part.of("peer", 180, List.of(s.python, script(s.out).toString())));
    if (s.sanitizer == null) {
      parts.add(Part.skipped("sanitizer", "compute-sanitizer is not installed"));
    } else {
      List<String> command =
          new ArrayList<>(
              List.of(s.sanitizer, "--tool", "memcheck", "--error-exitcode", "9", "--log-file"));
      command.add(s.out.resolve("sanitizer.txt").toString());
      command.addAll(own(s, "sanitize"));
      parts.add(Part.of("sanitizer", 90, command));
    }
    return parts;
  }

  private static Part test(String name, double seconds, Setup s, String... classes) {
    if (s.tests == null) {
      return Part.skipped(name, "no --tests folder given");
    }
    List<String> command = new ArrayList<>(java(s.tests.resolve("*").toString()));
    command.add("-Dviridian.test.kernels=cuda");
    Path golden = s.tests.resolve("golden");
    if (Files.isDirectory(golden)) { // else the core in the tests' jar
      command.add("-Dviridian.golden=" + golden);
    }
    command.add("dev.viridian.bench.gpu.RunTests");
    command.addAll(List.of(classes));
    return Part.of(name, seconds, command);
  }

  /** Java with what this process was started with, and more on the class path. */
  private static List<String> java(String more) {
    String path = System.getProperty("java.class.path");
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "--add-modules",
        "jdk.incubator.vector",
        "--enable-native-access=ALL-UNNAMED",
        "-Xmx2g",
        "-XX:MaxDirectMemorySize=1t",
        "-Djava.awt.headless=true",
        "-cp",
        more.isEmpty() ? path : path + ":" + more);
  }

  private static List<String> cli(String... arguments) {
    List<String> command = new ArrayList<>(java(""));
    command.add("dev.viridian.matting.cli.Main");
    command.addAll(List.of(arguments));
    return command;
  }

  private static List<String> own(Setup s, String part) {
    List<String> command = new ArrayList<>(java(""));
    command.addAll(List.of("dev.viridian.bench.Main", "gpu-part", part, "--device", s.device));
    return command;
  }

  private static Path script(Path out) {
    Path file = out.resolve("peer.py");
    try (InputStream in = RunBook.class.getResourceAsStream("peer.py")) {
      if (in == null) {
        throw new IllegalStateException("the resource peer.py is missing");
      }
      Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Does a part in this process.
   *
   * @param part networks, kernels, full or sanitize
   * @return what is to be reported; {@code passed} is false if something is wrong
   */
  public static Map<String, Object> own(String part, int ordinal) {
    DType factors = part.equals("networks") ? DType.F32 : DType.F16; // these, as peers compute
    try (Device device = Device.cuda(ordinal, factors)) {
      return own(part, device, Sizes.real());
    }
  }

  /** The same on any device. */
  static Map<String, Object> own(String part, Device device, Sizes sizes) {
    return switch (part) {
      case "networks" -> Networks.compare(device, sizes);
      case "kernels" -> KernelTimes.run(device, sizes);
      case "full" -> Networks.times(device, sizes);
      case "sanitize" -> KernelTimes.run(device, Sizes.tiny(sizes.small()));
      default -> throw new IllegalArgumentException("part " + part);
    };
  }

  /**
   * Runs parts and writes {@code report.json} and {@code report.md}.
   *
   * @param seconds the most that all may take together
   * @return whether none failed
   */
  public static boolean run(
      List<Part> parts, Path out, double seconds, Map<String, Object> machine, PrintWriter err) {
    long end = System.nanoTime() + (long) (seconds * 1e9);
    List<Map<String, Object>> results = new ArrayList<>();
    boolean good = true;
    for (Part part : parts) {
      double left = (end - System.nanoTime()) / 1e9;
      Map<String, Object> result = run(part, Math.min(part.seconds, left), out);
      results.add(result);
      Object status = result.get("status");
      good &= status.equals(PASSED) || status.equals("skipped");
      err.printf("%-10s %s, %.1f s%n", part.name, status, (double) result.get("seconds"));
      err.flush();
      write(out, machine, results); // so that something is there if this is ended
    }
    return good;
  }

  private static Map<String, Object> run(Part part, double limit, Path out) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("part", part.name);
    if (part.command.isEmpty() || limit < Math.min(LEAST_SECONDS, part.seconds)) {
      result.put("status", "skipped");
      result.put("seconds", 0.0);
      result.put("why", part.command.isEmpty() ? part.why : "no time was left");
      return result;
    }
    Path log = out.resolve(part.name + ".log");
    ChildProcess.Ended ended = ChildProcess.run(part.command, limit, log);
    Object told = parse(ended.output());
    boolean wrong = told instanceof Map<?, ?> map && Boolean.FALSE.equals(map.get("passed"));
    String status =
        ended.code() == ChildProcess.TIMED_OUT
            ? "timed out"
            : ended.code() == 0 && !wrong ? PASSED : "failed";
    result.put("status", status);
    result.put("seconds", ended.seconds());
    result.put("exit_code", ended.code());
    if (told != null) {
      result.put("result", told);
    }
    if (!status.equals(PASSED)) {
      result.put("log", lastLines(log));
    }
    return result;
  }

  /** The whole output or its last line as JSON; null if neither is. */
  private static @Nullable Object parse(String output) {
    List<String> lines = output.strip().lines().toList();
    for (String text : lines.isEmpty() ? List.<String>of() : List.of(output, lines.getLast())) {
      try {
        return JSON.readValue(text, Object.class);
      } catch (JacksonException e) {
        continue;
      }
    }
    return null;
  }

  private static List<String> lastLines(Path log) {
    try {
      List<String> lines = Files.readAllLines(log);
      return lines.subList(Math.max(0, lines.size() - MOST_LINES), lines.size());
    } catch (IOException e) {
      return List.of(log + " cannot be read: " + e);
    }
  }

  private static void write(
      Path out, Map<String, Object> machine, List<Map<String, Object>> results) {
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    report.put("machine", machine);
    report.put("parts", results);
    JsonMapper indented =
        JsonMapper.builder()
            .enable(tools.jackson.databind.SerializationFeature.INDENT_OUTPUT)
            .build();
    AtomicFile.write(out.resolve("report.json"), indented.writeValueAsString(report) + "\n");
    AtomicFile.write(out.resolve("report.md"), Report.markdown(report));
  }
}
