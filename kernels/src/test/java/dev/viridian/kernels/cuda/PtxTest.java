package dev.viridian.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.kernels.DType;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** The PTX in the jar is that of the sources. */
class PtxTest {
  private static final Path SOURCES = EmulatedBuild.module().resolve("src/main/cuda");
  private static final Path RESOURCES =
      EmulatedBuild.module().resolve("src/main/resources/dev/viridian/kernels/cuda");

  private static List<Path> files(Path folder, String end) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(f -> f.getFileName().toString().endsWith(end))
          .sorted(Comparator.comparing(f -> f.getFileName().toString()))
          .toList();
    }
  }

  @Test
  void isCompiledFromTheSourcesAsTheyAre() throws IOException, NoSuchAlgorithmException {
    List<Path> sources = new ArrayList<>(List.of(SOURCES.resolve("ptx")));
    sources.addAll(files(SOURCES, ".cuh"));
    sources.addAll(files(SOURCES, ".cu"));
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    for (Path source : sources) {
      digest.update(Files.readAllBytes(source));
    }
    assertEquals(
        Files.readString(RESOURCES.resolve("sources.sha256"), StandardCharsets.US_ASCII).strip(),
        HexFormat.of().formatHex(digest.digest()),
        "kernels were changed: run mvn -pl kernels process-resources -Pptx (needs clang 19)");
  }

  /** Turing has no BF16. */
  private static boolean isFor(String family, int capability) {
    return capability >= 80 || !family.contains("bf16");
  }

  @Test
  void turingIsToldThatItHasNoBf16() {
    CudaPack16.require(DType.F16, 75, "a device");
    CudaPack16.require(DType.BF16, 80, "a device");
    CudaFailure failure =
        assertThrows(CudaFailure.class, () -> CudaPack16.require(DType.BF16, 75, "a device"));
    assertEquals(
        "CUDA: a device has compute capability 7.5, BF16 needs 8.0 (Ampere): use F16 or F32",
        failure.getMessage());
    assertThrows(
        IllegalArgumentException.class, () -> CudaPack16.require(DType.F32, 90, "a device"));
  }

  @Test
  void isThereForEveryFamilyAndTarget() throws IOException {
    TreeSet<String> families = new TreeSet<>();
    long bytes = 0;
    for (Path resource : files(RESOURCES, ".ptx")) {
      families.add(resource.getFileName().toString().replaceFirst("\\.sm_\\d+\\.ptx$", ""));
      bytes += Files.size(resource);
    }
    assertTrue(bytes < 5 << 20, "PTX of " + bytes + " bytes is too much to carry");
    TreeSet<String> expected = new TreeSet<>();
    for (Path source : files(SOURCES, ".cu")) {
      String family = source.getFileName().toString().replace(".cu", "");
      expected.add(family);
      for (int target : CudaModules.TARGETS) {
        if (isFor(family, target)) {
          assertTrue(CudaModules.ptx(family, target).contains(".entry"), family);
        } else {
          assertThrows(CudaFailure.class, () -> CudaModules.ptx(family, target));
        }
      }
    }
    assertEquals(expected, families);
  }

  /** For devices from Turing to Hopper: what the driver would do when a family is first used. */
  @Test
  void compilesForEveryDeviceWithoutSpills() throws IOException {
    String os = System.getProperty("os.name") + " " + System.getProperty("os.arch");
    Assumptions.assumeTrue(os.equals("Linux amd64"), "NVIDIA's compiler is here for Linux alone");
    for (Path source : files(SOURCES, ".cu")) {
      String family = source.getFileName().toString().replace(".cu", "");
      for (int capability : new int[] {75, 80, 86, 89, 90}) {
        if (!isFor(family, capability)) {
          continue;
        }
        String ptx = CudaModules.ptx(family, CudaModules.target(capability));
        List<PtxCompiler.Resources> all = PtxCompiler.compile(ptx, capability);
        assertFalse(all.isEmpty(), family);
        for (PtxCompiler.Resources kernel : all) {
          String what = "sm_" + capability + ": " + kernel;
          assertEquals(0, kernel.spills(), what);
          assertTrue(kernel.shared() <= 48 << 10, what);
        }
      }
    }
  }
}
