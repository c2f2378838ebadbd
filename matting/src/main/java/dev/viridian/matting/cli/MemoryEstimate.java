package dev.viridian.matting.cli;

import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.diffusion.weights.ModelConfigs;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Precision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What a run will take at least, said before it starts where the machine has less. */
final class MemoryEstimate {
  private static final Path MEMINFO = Path.of("/proc/meminfo");
  private static final Path CGROUP = Path.of("/sys/fs/cgroup");

  /** Heap a pixel while a picture is turned into bytes: its floats, those of the RGBA, the PNG. */
  private static final int HEAP_A_PIXEL = 64;

  /** Heap a pixel for a picture that waits: colours and mask as floats. */
  private static final int HEAP_A_WAITING_PIXEL = 16;

  /** Bytes of all that is as large as a band. */
  private static final double BANDS = 60e6;

  /** Maps of the first level in a step: what waits for the way up, the block's own, the hidden. */
  private static final int STEP_MAPS = 19;

  private MemoryEstimate() {}

  /**
   * Bytes of the maps alive at once while decoding: in the last level, where the widest maps at
   * full size meet (input, normalised input, output). Band by band there are the level's input and
   * one map of its output, and some bands.
   */
  static double decodingBytes(ModelConfigs configs, long width, long height, boolean tiled) {
    List<Integer> widths = configs.vae().blockOutChannels();
    int outer = widths.getFirst();
    int inner = widths.get(Math.min(1, widths.size() - 1));
    double pixels = 4.0 * width * height;
    return tiled ? pixels * (inner / 4.0 + outer) + BANDS : pixels * (2.0 * inner + outer);
  }

  /**
   * Bytes of the maps alive at once in a step: in the feed-forward of the first level, whose hidden
   * values are eight times as wide as the map.
   *
   * @param samples evaluated at once: pictures, twice as many with guidance
   */
  static double stepBytes(ModelConfigs configs, long width, long height, int samples) {
    double latents = (double) width * height / Math.pow(configs.vae().pixelsPerLatent(), 2);
    return 4.0 * samples * latents * configs.unet().blockOutChannels().getFirst() * STEP_MAPS;
  }

  /**
   * Bytes of the weights that cannot stay mapped where they lie in the file: all that change their
   * type, the kernels of convolutions, which are turned, and all that is packed, the text encoder's
   * linear layers of F32 among it on any processor. Of the autoencoder pictures take what decodes.
   *
   * @param mapped whether the device reads a file where it is mapped; else it takes all weights
   */
  static double copiedWeightBytes(
      ModelFiles files, @Nullable DType dtype, Precision precision, boolean mapped) {
    WeightSource head = files.mattingHead();
    double bytes = 0;
    for (WeightSource source :
        head == null
            ? List.of(files.textEncoder(), files.unet(), files.vae())
            : List.of(files.textEncoder(), files.unet(), files.vae(), head)) {
      for (TensorInfo info : source.tensors().values()) {
        if (source == files.vae() && !Autoencoder.decodes(info.name())) {
          continue;
        }
        boolean turned = info.rank() == 4 && info.shape().get(2) * info.shape().get(3) > 1;
        boolean changed = dtype != null && info.type().dtype() != dtype;
        boolean wide = (dtype == null ? info.type().dtype() : dtype) == DType.F32;
        boolean paired =
            source == files.textEncoder()
                && wide
                && info.rank() == 2
                && !info.name().contains("embedding");
        if (precision != Precision.F32 && source == files.unet() && info.rank() > 1) {
          bytes += (double) info.elements() * (precision == Precision.BF16 ? 2 : 1);
        } else if (turned || changed || paired || !mapped) {
          bytes += (double) info.elements() * (dtype == null ? info.type().bytes() : dtype.bytes());
        }
      }
    }
    return bytes;
  }

  /** Bytes of the Java heap that pictures take until they are written. */
  static double heapBytes(GenerateOptions options) {
    double pixels = (double) options.width * options.height;
    double waiting = options.batchSize - 1.0;
    if (options.raw != null) {
      waiting += 2.0 * options.pictures(); // kept to the end, and turned to planes then
    }
    return pixels * (HEAP_A_PIXEL + waiting * HEAP_A_WAITING_PIXEL);
  }

  /**
   * Refuses a run that cannot fit.
   *
   * @throws InputException saying what is needed, what is free, and which flags lower it
   */
  static void check(
      ModelFiles files,
      GenerateOptions options,
      @Nullable DType dtype,
      Precision precision,
      Device device) {
    ModelConfigs configs = files.configs();
    int w = options.width;
    int h = options.height;
    int samples = options.batchSize * (options.cfgScale > 1 ? 2 : 1);
    double size = device.activations().bytes() / 4.0;
    check(
        options,
        copiedWeightBytes(files, dtype, precision, device.readsHostMemory()),
        size * stepBytes(configs, w, h, samples),
        size * decodingBytes(configs, w, h, options.vaeTiling),
        size * decodingBytes(configs, w, h, true),
        available(device),
        heapBytes(options),
        Runtime.getRuntime().maxMemory());
  }

  /**
   * The same of known figures, in bytes; {@code free} is 0 where nobody knows.
   *
   * @param tiled what decoding would take band by band
   */
  static void check(
      GenerateOptions options,
      double weights,
      double step,
      double decoding,
      double tiled,
      double free,
      double heap,
      double largestHeap) {
    String size =
        (options.batchSize > 1 ? options.batchSize + " pictures of " : "")
            + options.width
            + "x"
            + options.height;
    if (free > 0 && weights + Math.max(step, decoding) > free) {
      List<String> flags = new ArrayList<>();
      if (tiled < decoding && decoding > step) {
        flags.add(String.format(Locale.ROOT, "--vae-tiling (decodes in %.1f GB)", tiled / 1e9));
      }
      if (options.batchSize > 1) {
        flags.add("a smaller --batch-size");
      }
      flags.add("a smaller --width and --height");
      flags.add("--dtype f16");
      throw new InputException(
          String.format(
              Locale.ROOT,
              "not enough memory for %s: weights take %.1f GB, a step %.1f GB and decoding %.1f GB,"
                  + " %.1f GB are free; %s needs less",
              size,
              weights / 1e9,
              step / 1e9,
              decoding / 1e9,
              free / 1e9,
              String.join(", or ", flags)));
    }
    if (heap > largestHeap) {
      throw new InputException(
          String.format(
              Locale.ROOT,
              "not enough Java heap for %s: %.1f GB are needed, it has %.1f GB; a smaller"
                  + " --width, --height or --batch-size%s needs less, VIRIDIAN_JAVA_OPTIONS=-Xmx%dm"
                  + " gives enough",
              size,
              heap / 1e9,
              largestHeap / 1e9,
              options.raw == null ? "" : ", or no --raw,",
              (long) (heap * 1.25 / (1 << 20)) + 64));
    }
  }

  /** Bytes that a device can still give; 0 if unknown. */
  static double available(Device device) {
    return device.readsHostMemory() ? available() : device.freeBytes();
  }

  /** Bytes that the system, and the container around this process, can still give; 0 if unknown. */
  static double available() {
    double system = numberAfter(MEMINFO, "MemAvailable:") * 1024;
    double container = containerRoom();
    return container > 0 && (system == 0 || container < system) ? container : system;
  }

  private static double containerRoom() {
    double limit = numberAfter(CGROUP.resolve("memory.max"), "");
    double used = numberAfter(CGROUP.resolve("memory.current"), "");
    double cache = numberAfter(CGROUP.resolve("memory.stat"), "inactive_file ");
    if (limit == 0) {
      Path first = CGROUP.resolve("memory");
      limit = numberAfter(first.resolve("memory.limit_in_bytes"), "");
      used = numberAfter(first.resolve("memory.usage_in_bytes"), "");
      cache = numberAfter(first.resolve("memory.stat"), "total_inactive_file ");
    }
    return limit == 0 ? 0 : Math.max(1, limit - used + cache);
  }

  /** The number in the line that begins so; 0 where there is none. */
  private static double numberAfter(Path file, String beginning) {
    try {
      for (String line : Files.readAllLines(file)) {
        String digits = line.replaceAll("\\D", "");
        if (line.startsWith(beginning) && !digits.isEmpty()) {
          return Double.parseDouble(digits);
        }
      }
    } catch (IOException e) {
      return 0; // not Linux, or no such limit
    }
    return 0;
  }
}
