package dev.viridian.engine.io;

import dev.viridian.engine.InputException;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Opens weight files in a virtual machine of its own with 256 MiB of heap. */
final class SmallHeap {
  private static final long SECONDS_PER_FILE = 5;

  private SmallHeap() {}

  /** What became of each file: "read", "refused", or an error. */
  static Map<String, String> open(List<String> files) throws IOException, InterruptedException {
    Path list = Files.createTempFile("files", ".txt");
    Path output = Files.createTempFile("outcomes", ".txt");
    try {
      Files.write(list, files);
      List<String> command =
          new ArrayList<>(
              List.of(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-Xmx256m",
                  "--enable-native-access=ALL-UNNAMED",
                  "-cp",
                  System.getProperty("java.class.path"),
                  SmallHeap.class.getName(),
                  list.toString()));
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
      if (!process.waitFor(60 + SECONDS_PER_FILE * files.size(), TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
      Map<String, String> results = new HashMap<>();
      try (BufferedReader lines = Files.newBufferedReader(output)) {
        lines
            .lines()
            .map(line -> line.split("\t", 2))
            .forEach(part -> results.put(part[0], part.length > 1 ? part[1] : ""));
      }
      return results;
    } finally {
      Files.delete(list);
      Files.delete(output);
    }
  }

  /** Reads the names of files from the file named first. */
  public static void main(String[] args) throws IOException {
    for (String file : Files.readAllLines(Path.of(args[0]), StandardCharsets.UTF_8)) {
      long start = System.nanoTime();
      String outcome = outcome(Path.of(file));
      long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - start);
      System.out.println(file + "\t" + (seconds < SECONDS_PER_FILE ? outcome : seconds + " s"));
    }
  }

  private static String outcome(Path file) {
    try (WeightSource source = WeightFiles.open(file)) {
      long sum = 0;
      for (TensorInfo info : source.tensors().values()) {
        if (info.bytes() > 0) {
          sum += source.data(info.name()).get(ValueLayout.JAVA_BYTE, info.bytes() - 1);
        }
      }
      return sum == Long.MIN_VALUE ? "impossible" : "read";
    } catch (InputException e) {
      return "refused";
    } catch (RuntimeException | Error e) {
      return e.toString();
    }
  }
}
