package dev.viridian.kernels.cpu;

import dev.viridian.kernels.cpu.jit.JitPaths;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * How the CPU is used.
 *
 * @param threads how many threads share the work, at least 1; the result does not depend on it
 * @param forced family (such as {@code "gemm"}) to the name of the implementation to use there; for
 *     tests and benchmarks
 */
public record CpuOptions(int threads, Map<String, String> forced) {
  /** The families that {@link #forced} knows. */
  public static final List<String> FAMILIES =
      List.of(
          "gemm",
          "conv",
          "packed",
          "attention",
          "softmax",
          "norm",
          "pointwise",
          "reduce",
          "resample",
          "copy",
          "random",
          "optimizer",
          "image");

  /** Checks the number of threads. */
  public CpuOptions {
    if (threads < 1) {
      throw new IllegalArgumentException("threads: expected at least 1, got " + threads);
    }
    forced = Map.copyOf(forced);
  }

  /** All processors, free choice. */
  public static CpuOptions defaults() {
    return new CpuOptions(Runtime.getRuntime().availableProcessors(), Map.of());
  }

  /** Plain loops for every family. */
  public static CpuOptions reference(int threads) {
    return path(threads, "reference");
  }

  /**
   * One implementation for every family that has it, free choice among the others for the rest.
   *
   * @param path one of {@link #paths}
   */
  public static CpuOptions path(int threads, String path) {
    if (!paths().contains(path)) {
      throw new IllegalArgumentException("path: expected one of " + paths() + ", got " + path);
    }
    Map<String, String> all = new HashMap<>();
    for (String family : FAMILIES) {
      all.put(family, path);
    }
    return new CpuOptions(threads, all);
  }

  /**
   * The implementations that can be forced on this machine: {@code reference}, {@code vector} and,
   * where code is generated, {@code jit-avx2} and {@code jit-avx512}.
   */
  public static List<String> paths() {
    List<String> all = new ArrayList<>(List.of("reference", "vector"));
    all.addAll(JitPaths.here());
    return all;
  }
}
