package dev.viridian.bench;

import dev.viridian.bench.gpu.RunBook;
import dev.viridian.engine.InputException;
import dev.viridian.matting.cli.Checks;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** The command line of the run book. */
final class GpuRun {
  static final Set<String> PARTS =
      new TreeSet<>(List.of("networks", "kernels", "full", "sanitize"));

  /** The flags. */
  static final class Flags {
    @Option(
        names = "--out",
        paramLabel = "DIR",
        required = true,
        description = "Where the report, the logs and pictures go.")
    Path out = Path.of("");

    @Option(names = "--device", paramLabel = "NAME", description = "cuda (default) or cuda:N.")
    String device = "cuda";

    @Option(
        names = "--part",
        paramLabel = "NAME",
        split = ",",
        description = "Only these parts: doctor, ops, goldens, networks, kernels, full and so on.")
    List<String> parts = List.of();

    @Option(
        names = "--tests",
        paramLabel = "DIR",
        description =
            "Jars of the tests, and a folder golden if more than their core: what bench/gpu/pack makes.")
    @Nullable Path tests;

    @Option(
        names = "--peer-python",
        paramLabel = "PATH",
        description = "A Python with torch, and diffusers if possible; default: none.")
    @Nullable String python;

    @Option(
        names = "--minutes",
        paramLabel = "N",
        description = "The most that all may take, default 10.")
    int minutes = 10;
  }

  private GpuRun() {}

  /** Number of a device: 0 for cuda. */
  static int ordinal(Checks checks, String device) {
    if (!device.matches("cuda(:\\d{1,3})?")) {
      throw checks.wrong("--device is '" + device + "', expected cuda or cuda:N");
    }
    return device.length() > 5 ? Integer.parseInt(device.substring(5)) : 0;
  }

  /** Runs it; whether nothing failed. */
  static boolean run(Flags flags, CommandSpec spec, PrintWriter err) {
    Checks checks = new Checks(spec);
    ordinal(checks, flags.device);
    checks.range("--minutes", flags.minutes, 1, 600);
    Path out = flags.out.toAbsolutePath();
    try {
      Files.createDirectories(out);
    } catch (IOException e) {
      throw new InputException("--out " + out + ": cannot be made: " + e.getMessage(), e);
    }
    List<RunBook.Part> all =
        RunBook.parts(new RunBook.Setup(out, flags.device, flags.python, flags.tests, sanitizer()));
    List<String> names = all.stream().map(RunBook.Part::name).toList();
    List<String> wanted = flags.parts.stream().map(p -> checks.choice("--part", p, names)).toList();
    List<RunBook.Part> parts =
        all.stream().filter(p -> wanted.isEmpty() || wanted.contains(p.name())).toList();
    boolean good = RunBook.run(parts, out, 60.0 * flags.minutes, Machine.describe(), err);
    err.println("report: " + out.resolve("report.md"));
    return good;
  }

  private static @Nullable String sanitizer() {
    for (String file :
        List.of("/usr/local/cuda/bin/compute-sanitizer", "/usr/bin/compute-sanitizer")) {
      if (new File(file).canExecute()) {
        return file;
      }
    }
    return null;
  }

  /** Does a part; what it found as JSON. */
  static Map<String, Object> part(String name, String device, CommandSpec spec) {
    Checks checks = new Checks(spec);
    return RunBook.own(checks.choice("PART", name, List.copyOf(PARTS)), ordinal(checks, device));
  }
}
