package dev.viridian.matting.cli;

import dev.viridian.diffusion.pipeline.GenerationListener;
import dev.viridian.engine.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Seconds and peak memory of a run, phase by phase. */
final class RunRecord {
  private static final Path STATUS = Path.of("/proc/self/status");

  private final Device device;
  private final Map<String, Map<String, Object>> phases = new LinkedHashMap<>();
  private @Nullable String current;
  private long since;
  private double secondsToFirstStep;

  RunRecord(Device device) {
    this.device = device;
  }

  /** Ends the phase that runs, if any, and begins another. */
  void begin(String phase) {
    if (phase.equals(current)) {
      return;
    }
    end();
    current = phase;
    since = System.nanoTime();
    device.allocator().resetPeak();
  }

  /** Begins the phase that a run tells of. */
  void begin(GenerationListener.Phase phase) {
    if (phase == GenerationListener.Phase.DENOISE && secondsToFirstStep == 0) {
      secondsToFirstStep = sinceStart();
    }
    begin(phase.name().toLowerCase(Locale.ROOT));
  }

  /** Ends the phase that runs. */
  void end() {
    String phase = current;
    if (phase == null) {
      return;
    }
    double seconds = (System.nanoTime() - since) * 1e-9;
    long peak = device.allocator().usage().peak();
    Map<String, Object> before = phases.get(phase);
    if (before != null) {
      seconds += (double) before.get("seconds");
      peak = Math.max(peak, (long) before.get("peak_tensor_bytes"));
    }
    Map<String, Object> entry = new LinkedHashMap<>();
    entry.put("seconds", Math.round(seconds * 1e3) / 1e3);
    entry.put("peak_tensor_bytes", peak);
    phases.put(phase, entry);
    current = null;
  }

  /**
   * From the start of the process to that of the first step, text encoded and all weights there; 0
   * before that, or where the system does not tell when the process began.
   */
  double secondsToFirstStep() {
    return secondsToFirstStep;
  }

  private static double sinceStart() {
    return ProcessHandle.current()
        .info()
        .startInstant()
        .map(start -> Duration.between(start, Instant.now()).toMillis() / 1e3)
        .orElse(0.0);
  }

  /** By phase: {@code seconds} and {@code peak_tensor_bytes}. */
  Map<String, Map<String, Object>> phases() {
    return phases;
  }

  /** The most resident memory that the process ever had, in bytes; 0 where the system hides it. */
  static long peakResidentBytes() {
    return status("VmHWM:");
  }

  private static long status(String key) {
    try {
      for (String line : Files.readAllLines(STATUS)) {
        if (line.startsWith(key)) {
          return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
        }
      }
    } catch (IOException | NumberFormatException e) {
      return 0; // not Linux
    }
    return 0;
  }
}
