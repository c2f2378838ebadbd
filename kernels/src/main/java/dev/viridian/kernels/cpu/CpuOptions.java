package dev.viridian.kernels.cpu;

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
  public static final java.util.List<String> FAMILIES =
      java.util.List.of(
          "gemm",
          "conv",
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
    Map<String, String> all = new java.util.HashMap<>();
    for (String family : FAMILIES) {
      all.put(family, "reference");
    }
    return new CpuOptions(threads, all);
  }
}
