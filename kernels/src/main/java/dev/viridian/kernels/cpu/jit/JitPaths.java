package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.AttentionKernels;
import dev.viridian.kernels.ConvKernels;
import dev.viridian.kernels.GemmKernels;
import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.PackedKernels;
import dev.viridian.kernels.PointwiseKernels;
import dev.viridian.kernels.cpu.threads.Workers;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Generated code by name: {@code jit} for the best instructions of this machine, {@code jit-avx2}
 * and {@code jit-avx512} for those, wherever a better one could be had.
 */
public final class JitPaths {
  private static final String BEST = "jit";

  private JitPaths() {}

  private static String name(VectorLevel level) {
    return BEST + "-" + level.name().toLowerCase(Locale.ROOT);
  }

  private static @Nullable VectorLevel level(@Nullable String name) {
    return Arrays.stream(VectorLevel.values())
        .filter(l -> name(l).equals(name))
        .findFirst()
        .orElse(null);
  }

  /** The names of what this machine can run; none on a machine without generated code. */
  public static List<String> here() {
    return CodePage.supported()
        ? Arrays.stream(VectorLevel.values())
            .filter(l -> Kit.of(l) != null)
            .map(l -> name(l))
            .toList()
        : List.of();
  }

  /** The name of what {@link #gemm} and its kin make: that which is wanted, or {@code jit}. */
  public static String of(@Nullable String wanted) {
    VectorLevel level = level(wanted);
    return level == null ? BEST : name(level);
  }

  /** Products; they decline everything if this machine cannot run what is wanted. */
  public static GemmKernels gemm(Workers workers, @Nullable String wanted) {
    VectorLevel level = level(wanted);
    return level == null ? new JitGemm(workers) : new JitGemm(workers, Kit.of(level));
  }

  /**
   * Products by kept weights; they decline everything if this machine cannot run what is wanted.
   */
  public static PackedKernels kept(Workers workers, @Nullable String wanted) {
    VectorLevel level = level(wanted);
    return level == null ? new JitKept(workers) : new JitKept(workers, Kit.of(level));
  }

  /** Convolutions; they decline everything if this machine cannot run what is wanted. */
  public static ConvKernels conv(Workers workers, @Nullable String wanted) {
    VectorLevel level = level(wanted);
    return level == null ? new JitConv(workers) : new JitConv(workers, Kit.of(level));
  }

  /** Normalisations; they decline everything if this machine cannot run what is wanted. */
  public static NormKernels norm(Workers workers, @Nullable String wanted) {
    return new JitNorm(workers, here(wanted));
  }

  /** Functions of numbers; they decline everything if this machine cannot run what is wanted. */
  public static PointwiseKernels pointwise(Workers workers, @Nullable String wanted) {
    return new JitPointwise(workers, here(wanted));
  }

  /** The level that is wanted, or the best; null if code is not generated here. */
  private static @Nullable VectorLevel here(@Nullable String wanted) {
    VectorLevel level = level(wanted);
    if (!CodePage.supported() || level != null && !level.runsHere()) {
      return null;
    }
    return level == null ? VectorLevel.best() : level;
  }

  /** Attention; declines everything if this machine cannot run what is wanted. */
  public static AttentionKernels attention(Workers workers, @Nullable String wanted) {
    VectorLevel level = level(wanted);
    return level == null ? new JitAttention(workers) : new JitAttention(workers, level);
  }
}
