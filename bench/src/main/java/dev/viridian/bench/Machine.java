package dev.viridian.bench;

import dev.viridian.kernels.cpu.jit.CpuFeatures;
import dev.viridian.matting.doctor.Checkup;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** What the figures depend on. Where the system does not say, a value is absent. */
final class Machine {
  private Machine() {}

  /** The most memory that this process has held; 0 where the system does not say. */
  static long peakRssBytes() {
    return kibibytes("/proc/self/status", "VmHWM") * 1024;
  }

  /** Memory that can be had without swapping; 0 where the system does not say. */
  static long availableBytes() {
    return kibibytes("/proc/meminfo", "MemAvailable") * 1024;
  }

  /** CPU, memory and Java. */
  static Map<String, Object> describe() {
    Map<String, Object> json = new LinkedHashMap<>();
    CpuFeatures features = CpuFeatures.here();
    json.put("cpu", features.brand().isEmpty() ? System.getProperty("os.arch") : features.brand());
    json.put("features", features.labels());
    json.put("cache_bytes", List.of(features.l1(), features.l2(), features.l3()));
    json.put("processors", Runtime.getRuntime().availableProcessors());
    json.put("memory_bytes", kibibytes("/proc/meminfo", "MemTotal") * 1024);
    json.put("os", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
    json.put(
        "java", System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"));
    OptionalInt bits = Checkup.vectorBits();
    if (bits.isPresent()) {
      json.put("vector_bits", bits.getAsInt());
    }
    return json;
  }

  /** CPU time of all threads of this process so far; negative where unknown. */
  static double cpuSeconds() {
    return ManagementFactory.getOperatingSystemMXBean()
            instanceof com.sun.management.OperatingSystemMXBean os
        ? os.getProcessCpuTime() / 1e9
        : -1;
  }

  /** Processes that ran or waited to run in the last minute; negative where unknown. */
  static double load() {
    return ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
  }

  private static long kibibytes(String file, String key) {
    String digits = field(file, key).replaceAll("[^0-9]", "");
    return digits.isEmpty() ? 0 : Long.parseLong(digits);
  }

  /** What follows the first line's colon that begins with the key; empty if there is none. */
  private static String field(String file, String key) {
    try {
      for (String line : Files.readAllLines(Path.of(file))) {
        int colon = line.indexOf(':');
        if (colon > 0 && line.substring(0, colon).strip().equals(key)) {
          return line.substring(colon + 1).strip();
        }
      }
    } catch (IOException e) {
      System.getLogger(Machine.class.getName())
          .log(System.Logger.Level.DEBUG, () -> file + " not read", e);
    }
    return "";
  }
}
