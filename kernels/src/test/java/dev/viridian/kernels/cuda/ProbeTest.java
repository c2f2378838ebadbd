package dev.viridian.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.memory.CudaBuffer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Machines without driver, device or library, and with old or broken ones: a line each, and the
 * process lives. Each is a Java of its own, since a library that is loaded stays.
 */
class ProbeTest {
  @TempDir private Path folder;

  @BeforeEach
  void canBuild() {
    String missing = EmulatedBuild.missing();
    Assumptions.assumeTrue(missing == null, missing);
  }

  /** What runs in the other process. */
  static final class Main {
    private Main() {}

    public static void main(String[] arguments) {
      CudaLibraries.Driver driver = CudaLibraries.driver();
      System.out.println("devices " + driver.devices() + ", broken " + driver.broken());
      try (CudaDevice device = CudaDevice.open(0);
          CudaAllocator allocator = device.allocator();
          CudaKernels kernels = new CudaKernels(device, allocator)) {
        CudaBuffer x = allocator.allocate(4);
        try {
          kernels.copy().fill(DType.F32, 1, 1, x);
          device.synchronize();
          System.out.println("a kernel ran");
          kernels.gemm().gemm(GemmProblem.of(1, 1, 1, false, false), x, x, null, x);
          device.synchronize();
          System.out.println("a product was computed");
        } finally {
          allocator.release(x);
        }
      } catch (CudaFailure e) {
        System.out.println(e.getMessage());
      }
      System.out.println("alive");
    }
  }

  private static List<String> probe(Path libraries, Map<String, String> environment)
      throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-XX:TieredStopAtLevel=1",
                "-Xmx256m",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("LD_LIBRARY_PATH", libraries.toString());
    builder.environment().putAll(environment);
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(process.waitFor(1, TimeUnit.MINUTES), output);
    assertEquals(0, process.exitValue(), output);
    List<String> lines =
        output.lines().filter(line -> !line.startsWith("WARNING: Using incubator")).toList();
    assertEquals("alive", lines.getLast(), output);
    return lines.subList(0, lines.size() - 1);
  }

  /** A folder with some of the emulated device's libraries. */
  private Path only(String... names) throws IOException {
    for (String name : names) {
      Files.copy(EmulatedBuild.folder().resolve(name), folder.resolve(name));
    }
    return folder;
  }

  @Test
  void noDriver() throws IOException, InterruptedException {
    Assumptions.assumeFalse(
        Files.exists(Path.of("/proc/driver/nvidia")), "this machine has a driver");
    String line = "CUDA: libcuda.so.1 is missing: install the driver of the NVIDIA GPU";
    assertEquals(List.of("devices 0, broken false", line), probe(folder, Map.of()));
  }

  @Test
  void noDevice() throws IOException, InterruptedException {
    assertEquals(
        List.of("devices 0, broken false", "CUDA: the driver finds no device"),
        probe(only("libcuda.so.1"), Map.of("EMULATED_DEVICES", "0")));
  }

  @Test
  void aDriverThatFails() throws IOException, InterruptedException {
    assertEquals(
        List.of("devices 0, broken true", "CUDA: cuInit failed: unknown error (999)"),
        probe(only("libcuda.so.1"), Map.of("EMULATED_INIT_FAILS", "999")));
  }

  @Test
  void anOldDriver() throws IOException, InterruptedException {
    assertEquals(
        List.of(
            "devices 0, broken true",
            "CUDA: the driver is of CUDA 11.4, 12.0 or newer is needed: update it"),
        probe(only("libcuda.so.1"), Map.of("EMULATED_DRIVER", "11040")));
  }

  @Test
  void aDriverThatLacksFunctions() throws IOException, InterruptedException {
    Path source = Files.writeString(folder.resolve("old.c"), "int cuInit(int f) { return f; }\n");
    Process compiler =
        new ProcessBuilder(
                "g++",
                "-x",
                "c",
                "-shared",
                "-fPIC",
                "-Wl,-soname,libcuda.so.1",
                source.toString(),
                "-o",
                folder.resolve("libcuda.so.1").toString())
            .inheritIO()
            .start();
    assertEquals(0, compiler.waitFor());
    assertEquals(
        List.of(
            "devices 0, broken true",
            "CUDA: libcuda.so.1 has no cuDriverGetVersion: the driver is too old"),
        probe(folder, Map.of()));
  }

  @Test
  void aFileThatIsNoLibrary() throws IOException, InterruptedException {
    Assumptions.assumeFalse(
        Files.exists(Path.of("/proc/driver/nvidia")), "this machine has a driver");
    Files.writeString(folder.resolve("libcuda.so.1"), "nothing");
    String line = "CUDA: libcuda.so.1 is missing: install the driver of the NVIDIA GPU";
    assertEquals(List.of("devices 0, broken false", line), probe(folder, Map.of()));
  }

  @Test
  void anOldDevice() throws IOException, InterruptedException {
    assertEquals(
        List.of(
            "devices 1, broken false",
            "CUDA: a device of compute capability 6.1 is too old: at least 7.5 is needed"
                + " (Turing)"),
        probe(only("libcuda.so.1"), Map.of("EMULATED_CAPABILITY", "61")));
  }

  /** The kernels' libraries are not loaded by this process: the first of them is not found. */
  @Test
  void aKernelThatTheDeviceDoesNotTake() throws IOException, InterruptedException {
    assertEquals(
        List.of(
            "devices 1, broken false",
            "CUDA: cuModuleGetFunction copy_strided failed: CUDA_ERROR_NOT_FOUND (500)"),
        probe(only("libcuda.so.1"), Map.of()));
  }

  @Test
  void noCublas() throws IOException, InterruptedException {
    String kernels = EmulatedBuild.folder().resolve("kernels-copy.so").toString();
    List<String> lines = probe(only("libcuda.so.1"), Map.of("LD_PRELOAD", kernels));
    Assumptions.assumeFalse(
        lines.get(2).equals("a product was computed"), "this machine has cuBLAS");
    assertEquals("a kernel ran", lines.get(1));
    assertTrue(lines.get(2).startsWith("CUDA: libcublas.so.12 is missing: install"), lines.get(2));
  }

  @Test
  void allIsThere() throws IOException, InterruptedException {
    String kernels = EmulatedBuild.folder().resolve("kernels-copy.so").toString();
    assertEquals(
        List.of("devices 1, broken false", "a kernel ran", "a product was computed"),
        probe(only("libcuda.so.1", "libcublas.so.12"), Map.of("LD_PRELOAD", kernels)));
  }

  /** JCublas does not load there: its native part wants the library of CUDA 12. */
  @Test
  void onlyTheLibrariesOfCuda13() throws IOException, InterruptedException {
    String kernels = EmulatedBuild.folder().resolve("kernels-copy.so").toString();
    Assumptions.assumeTrue(noCublas12(), "this machine has the cuBLAS of CUDA 12");
    assertEquals(
        List.of("devices 1, broken false", "a kernel ran", "a product was computed"),
        probe(
            only("libcuda.so.1", "libcublas.so.13"),
            Map.of("LD_PRELOAD", kernels, "EMULATED_DRIVER", "13000")));
  }

  @Test
  void theLibrariesOfCuda13OnAnOlderDriver() throws IOException, InterruptedException {
    String kernels = EmulatedBuild.folder().resolve("kernels-copy.so").toString();
    Assumptions.assumeTrue(noCublas12(), "this machine has the cuBLAS of CUDA 12");
    assertEquals(
        List.of(
            "devices 1, broken false",
            "a kernel ran",
            "CUDA: libcublas.so.13 needs a driver of CUDA 13 (580 or newer), this one is of CUDA"
                + " 12.6: update it, or install cuBLAS of CUDA 12 (libcublas-12-6)"),
        probe(only("libcuda.so.1", "libcublas.so.13"), Map.of("LD_PRELOAD", kernels)));
  }

  @Test
  void aLibraryOfCuda13ThatLacksFunctions() throws IOException, InterruptedException {
    String kernels = EmulatedBuild.folder().resolve("kernels-copy.so").toString();
    Assumptions.assumeTrue(noCublas12(), "this machine has the cuBLAS of CUDA 12");
    Files.copy(EmulatedBuild.folder().resolve("libcudnn.so.9"), folder.resolve("libcublas.so.13"));
    List<String> lines = probe(only("libcuda.so.1"), Map.of("LD_PRELOAD", kernels));
    assertEquals("CUDA: libcublas.so.13 has no cublasCreate_v2: it is too old", lines.get(2));
  }

  private static boolean noCublas12() {
    return !Files.exists(Path.of("/proc/driver/nvidia"));
  }
}
