package dev.viridian.matting.doctor;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.OperatingSystemMXBean;
import dev.viridian.kernels.cpu.jit.CpuFeatures;
import dev.viridian.matting.doctor.Finding.State;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;

/** Looks at the machine. Nothing is loaded, started or changed. */
public final class Checkup {
  private static final Runtime.Version JDK_FLOOR = Runtime.Version.parse("25.0.3");
  private static final long SMALL_MEMORY = 6L << 30;

  private final SharedLibraries libraries;

  /**
   * A look at this machine.
   *
   * @param libraryPath what the environment tells the loader of shared libraries (LD_LIBRARY_PATH);
   *     may be empty
   */
  public Checkup(String libraryPath) {
    libraries = SharedLibraries.ofSystem(libraryPath);
  }

  /** Width of a SIMD register that the JIT compiler uses, in bits, if this JVM tells. */
  public static OptionalInt vectorBits() {
    HotSpotDiagnosticMXBean hotspot =
        ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
    if (hotspot == null) {
      return OptionalInt.empty();
    }
    try {
      return OptionalInt.of(8 * Integer.parseInt(hotspot.getVMOption("MaxVectorSize").getValue()));
    } catch (IllegalArgumentException e) {
      return OptionalInt.empty(); // a JVM whose compiler has no such option
    }
  }

  /** Whether the Vector API was asked for when the JVM was started. */
  public static boolean vectorApi() {
    return ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
  }

  /** Everything that was looked at, in reading order. */
  public List<Finding> findings() {
    List<Finding> findings = new ArrayList<>();
    findings.add(jdk());
    findings.add(vectors());
    findings.add(nativeAccess());
    findings.add(cpu());
    findings.add(memory());
    findings.add(disk());
    findings.addAll(cuda());
    return findings;
  }

  private static Finding jdk() {
    Runtime.Version version = Runtime.version();
    String found = version + ", " + System.getProperty("java.home");
    return version.compareToIgnoreOptional(JDK_FLOOR) >= 0
        ? Finding.ok("jdk", found)
        : new Finding("jdk", State.WRONG, found, "install JDK " + JDK_FLOOR + " or later");
  }

  private static Finding vectors() {
    String width =
        vectorBits().isPresent()
            ? vectorBits().getAsInt() + " bit"
            : "a width the JVM does not tell";
    return vectorApi()
        ? Finding.ok("vectors", width)
        : new Finding(
            "vectors",
            State.WRONG,
            width + ", but the Vector API is off",
            "start Java with --add-modules jdk.incubator.vector, as the launcher 'viridian' does");
  }

  private static Finding nativeAccess() {
    return Checkup.class.getModule().isNativeAccessEnabled()
        ? Finding.ok("native access", "allowed")
        : new Finding(
            "native access",
            State.WRONG,
            "not allowed",
            "start Java with --enable-native-access=ALL-UNNAMED, as the launcher 'viridian' does");
  }

  private static Finding cpu() {
    CpuFeatures features = CpuFeatures.here();
    String arch = System.getProperty("os.arch");
    String found =
        String.format(
            Locale.ROOT,
            "%s, %d threads, %s",
            features.brand().isEmpty() ? arch : features.brand(),
            Runtime.getRuntime().availableProcessors(),
            features.features().isEmpty()
                ? "no generated code"
                : String.join(" ", features.labels()));
    // An empty list says that the processor could not be asked, not that it has nothing.
    boolean slow =
        arch.equals("amd64")
            && !features.brand().isEmpty()
            && !features.has(CpuFeatures.Feature.AVX2, CpuFeatures.Feature.FMA);
    return slow
        ? new Finding(
            "cpu", State.ABSENT, found + " (no AVX2)", "expect a picture to take many times longer")
        : Finding.ok("cpu", found);
  }

  private static Finding memory() {
    OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    long total = system.getTotalMemorySize();
    long free = Math.max(system.getFreeMemorySize(), available());
    String found =
        String.format(
            Locale.ROOT,
            "%.1f GiB, %.1f GiB free, of which the Java heap may take %.1f GiB",
            gib(total),
            gib(Math.min(free, total)),
            gib(Runtime.getRuntime().maxMemory()));
    return free >= SMALL_MEMORY
        ? Finding.ok("memory", found)
        : new Finding(
            "memory",
            State.ABSENT,
            found,
            "a 512x512 picture takes about 5 GiB: use --vae-tiling, --dtype bf16 or a smaller size");
  }

  /** What Linux thinks can be had without swapping: free memory and caches; 0 elsewhere. */
  private static long available() {
    for (String line : lines(Path.of("/proc/meminfo"))) {
      if (line.startsWith("MemAvailable:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) << 10;
      }
    }
    return 0;
  }

  private static Finding disk() {
    Path folder = Path.of("").toAbsolutePath();
    try {
      long free = Files.getFileStore(folder).getUsableSpace();
      String found = String.format(Locale.ROOT, "%.1f GiB free in %s", gib(free), folder);
      return Files.isWritable(folder)
          ? Finding.ok("disk", found)
          : new Finding(
              "disk", State.ABSENT, found + ", not writable", "give --output a folder to write in");
    } catch (IOException e) {
      return new Finding(
          "disk", State.ABSENT, folder + " does not tell: " + e.getMessage(), "choose --output");
    }
  }

  private List<Finding> cuda() {
    Optional<Path> driver = libraries.find("libcuda.so.1");
    if (driver.isEmpty()) {
      return List.of(
          new Finding(
              "cuda driver",
              State.ABSENT,
              "libcuda.so.1 not found",
              "the CPU is used; for an NVIDIA GPU install its driver, in a container pass it in"));
    }
    List<Finding> findings = new ArrayList<>();
    Optional<String> version = lines(Path.of("/proc/driver/nvidia/version")).stream().findFirst();
    findings.add(
        Finding.ok(
            "cuda driver",
            driver.get() + version.map(v -> ", " + v.replaceAll("\\s+", " ")).orElse("")));
    findings.add(gpus());
    findings.add(library("cublas", "libcublas.so.12"));
    findings.add(library("cudnn", "libcudnn.so.9"));
    return findings;
  }

  private static Finding gpus() {
    List<String> models = new ArrayList<>();
    Path folder = Path.of("/proc/driver/nvidia/gpus");
    if (Files.isDirectory(folder)) {
      try (Stream<Path> gpus = Files.list(folder)) {
        for (Path gpu : gpus.sorted().toList()) {
          lines(gpu.resolve("information")).stream()
              .filter(line -> line.startsWith("Model:"))
              .forEach(line -> models.add(line.substring(6).strip()));
        }
      } catch (IOException e) {
        System.getLogger(Checkup.class.getName())
            .log(System.Logger.Level.DEBUG, "GPUs not listed", e);
      }
    }
    return models.isEmpty()
        ? new Finding("gpu", State.ABSENT, "the driver lists none", "see what 'nvidia-smi' says")
        : Finding.ok("gpu", String.join(", ", models));
  }

  private Finding library(String name, String file) {
    return libraries
        .find(file)
        .map(path -> Finding.ok(name, path.toString()))
        .orElseGet(
            () ->
                new Finding(
                    name,
                    State.ABSENT,
                    file + " not found",
                    "install it from the CUDA 12 packages or set LD_LIBRARY_PATH to its folder"));
  }

  private static double gib(long bytes) {
    return bytes / (double) (1L << 30);
  }

  /** The lines of a small system file; none where it is absent. */
  private static List<String> lines(Path file) {
    if (!Files.isReadable(file)) {
      return List.of();
    }
    try {
      return Files.readAllLines(file);
    } catch (IOException e) {
      System.getLogger(Checkup.class.getName())
          .log(System.Logger.Level.DEBUG, () -> file + " not read", e);
      return List.of();
    }
  }
}
