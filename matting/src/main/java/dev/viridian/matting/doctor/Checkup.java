package dev.viridian.matting.doctor;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.OperatingSystemMXBean;
import dev.viridian.kernels.cpu.jit.CpuFeatures;
import dev.viridian.kernels.cuda.CudaLibraries;
import dev.viridian.kernels.cuda.CudaReport;
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

/**
 * Looks at the machine. Nothing is changed; where there is a CUDA driver it is asked for its
 * devices, in such a way that a broken one does no harm.
 */
public final class Checkup {
  private static final Runtime.Version JDK_FLOOR = Runtime.Version.parse("25.0.3");
  private static final long SMALL_MEMORY = 6L << 30;
  private static final String DRIVER = "libcuda.so.1";

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
    CudaLibraries.Driver driver = CudaLibraries.driver();
    String where =
        libraries.find(DRIVER).map(Path::toString).orElse(DRIVER)
            + (driver.version() > 0 ? ", for CUDA " + version(driver.version()) : "");
    if (driver.devices() == 0) {
      return List.of(absent("cuda driver", driver.problem(), driver.broken() ? where : ""));
    }
    List<Finding> findings = new ArrayList<>();
    Optional<String> told = lines(Path.of("/proc/driver/nvidia/version")).stream().findFirst();
    findings.add(
        Finding.ok(
            "cuda driver", where + told.map(v -> ", " + v.replaceAll("\\s+", " ")).orElse("")));
    for (CudaReport.Gpu gpu : CudaReport.devices()) {
      findings.add(
          gpu.isSupported()
              ? Finding.ok("gpu", gpu.toString())
              : absent("gpu", CudaReport.problem(gpu.ordinal()), ""));
    }
    CudaLibraries.Blas blas = CudaLibraries.blasLibrary();
    findings.add(
        blas.problem().isEmpty()
            ? Finding.ok(
                "cublas",
                place(blas.file()) + (blas.withoutJCublas() ? ", called without JCublas" : ""))
            : absent("cublas", blas.problem(), ""));
    String dnn = CudaLibraries.dnn();
    findings.add(
        dnn.isEmpty()
            ? Finding.ok("cudnn", place("libcudnn.so.9"))
            : new Finding(
                "cudnn",
                State.ABSENT,
                before(dnn),
                "convolutions are done by cuBLAS; " + after(dnn)));
    return findings;
  }

  private static String version(int number) {
    return number / 1000 + "." + number % 1000 / 10;
  }

  private String place(String library) {
    return libraries.find(library).map(Path::toString).orElse(library);
  }

  private static Finding absent(String name, String problem, String where) {
    String found = before(problem);
    return new Finding(
        name,
        State.ABSENT,
        where.isEmpty() ? found : where + ": " + found,
        "the CPU is used; " + after(problem));
  }

  /** What a problem is, of a line that says after its last colon what helps. */
  private static String before(String problem) {
    String text = problem.replaceFirst("^CUDA: ", "");
    int cut = text.lastIndexOf(": ");
    return cut < 0 ? text : text.substring(0, cut);
  }

  private static String after(String problem) {
    String text = problem.replaceFirst("^CUDA: ", "");
    int cut = text.lastIndexOf(": ");
    return cut < 0 ? "see what 'nvidia-smi' says" : text.substring(cut + 2);
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
