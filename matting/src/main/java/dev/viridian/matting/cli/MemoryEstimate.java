package dev.viridian.matting.cli;

import dev.viridian.diffusion.weights.ModelConfigs;
import dev.viridian.engine.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** What a run will take at least, said before it starts where the machine has less. */
final class MemoryEstimate {
  private static final Path MEMINFO = Path.of("/proc/meminfo");

  private MemoryEstimate() {}

  /**
   * Bytes of the largest set of maps alive at once: in the decoder's last level, where the widest
   * maps at full size meet (input, normalised input, output).
   */
  static double activationBytes(ModelConfigs configs, long width, long height) {
    List<Integer> widths = configs.vae().blockOutChannels();
    int outer = widths.getFirst();
    int inner = widths.get(Math.min(1, widths.size() - 1));
    return 4.0 * width * height * (2.0 * inner + outer);
  }

  /**
   * Refuses a run that cannot fit.
   *
   * @throws InputException saying what is needed, what is free, and which flags lower it
   */
  static void check(ModelConfigs configs, GenerateOptions options) {
    double needed = activationBytes(configs, options.width, options.height);
    double free = available();
    if (free > 0 && needed > free) {
      throw new InputException(
          String.format(
              Locale.ROOT,
              "not enough memory for %dx%d: decoding needs %.1f GB, %.1f GB are free; a smaller"
                  + " --width and --height needs less",
              options.width,
              options.height,
              needed / 1e9,
              free / 1e9));
    }
  }

  /** Bytes that the system can still give, or 0 where it does not say. */
  private static double available() {
    try {
      for (String line : Files.readAllLines(MEMINFO)) {
        if (line.startsWith("MemAvailable:")) {
          return Double.parseDouble(line.replaceAll("\\D", "")) * 1024;
        }
      }
    } catch (IOException | NumberFormatException e) {
      return 0; // not Linux
    }
    return 0;
  }
}
