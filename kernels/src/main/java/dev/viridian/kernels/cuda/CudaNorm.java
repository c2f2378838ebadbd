package dev.viridian.kernels.cuda;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.CudaBuffer;
import org.jspecify.annotations.Nullable;

/** Launches norm.cu: the three kinds of normalisation as one, but rows forward in one pass. */
final class CudaNorm implements NormKernels {
  private static final String FAMILY = "norm";
  private static final int THREADS = 256;

  /** Values of a patch that are worth a block of their own. */
  private static final long SLICE = 8192;

  private static final int MOST_SLICES = 64;

  /** Rows of a block of the kernel that has a warp for each. */
  private static final int ROWS = THREADS / 32;

  private static final long MOST_BLOCKS = 1 << 16;

  private final CudaStorage storage;
  private final CudaAllocator allocator;

  /** Of numbers of any storage; gradients and training by batches are F32's alone. */
  CudaNorm(CudaStorage storage, CudaAllocator allocator) {
    this.storage = storage;
    this.allocator = allocator;
  }

  /** A map whose patches of {@code width} channels each have their own statistics. */
  private record Map(
      long pictures, int spatial, int channels, int width, DType type, boolean silu) {
    static Map of(GroupNorm p) {
      return new Map(
          p.n(),
          p.spatial(),
          p.channels(),
          p.channels() / p.groups(),
          p.parameters(),
          p.activation() == Activation.SILU);
    }

    static Map of(LayerNorm p) {
      return new Map(p.rows(), 1, p.cols(), p.cols(), p.parameters(), false);
    }

    static Map of(BatchNorm p) {
      return new Map(1, Math.toIntExact(p.rows()), p.channels(), 1, DType.F32, false);
    }

    int patches() {
      return Math.toIntExact(pictures * (channels / width));
    }

    long rows() {
      return pictures * spatial;
    }

    long total() {
      return Math.multiplyExact(rows(), channels);
    }

    long parameterBytes() {
      return (long) channels * type.bytes();
    }

    /** Slices of a patch. */
    int slices() {
      long values = (long) spatial * width;
      return Math.clamp(values / SLICE, 1, Math.min(spatial, MOST_SLICES));
    }

    /** Slices of all rows, for sums of each channel. */
    int rowSlices() {
      return Math.clamp(rows() / 64, 1, MOST_SLICES);
    }
  }

  /** A kernel for numbers of the storage. */
  private CudaLaunch launch(String kernel) {
    return storage.launch(FAMILY, kernel);
  }

  /** A kernel for statistics, which are F32 always. */
  private CudaLaunch wide(String kernel) {
    return storage.device().launch(FAMILY, kernel);
  }

  private static long blocks(long count) {
    return (count + THREADS - 1) / THREADS;
  }

  /** Mean and 1/√(variance + eps) of each patch, and its variance if it is wanted. */
  private void statistics(
      Map m, float eps, Buffer x, Buffer mean, Buffer rstd, @Nullable Buffer variance) {
    int slices = m.slices();
    long parts = 2L * m.patches() * slices;
    try (CudaAllocator.Scratch partial = allocator.scratch(4 * parts)) {
      launch("statistics")
          .buffer(x, storage.bytes(m.total()))
          .floats(partial.buffer(), parts)
          .i32(m.spatial)
          .i32(m.channels)
          .i32(m.width)
          .i32(slices)
          .blocks(m.patches(), slices, THREADS, 1);
      wide("combine")
          .floats(partial.buffer(), parts)
          .floats(mean, m.patches())
          .floats(rstd, m.patches())
          .optional(variance, 4L * m.patches())
          .i32(m.patches())
          .i32(m.spatial)
          .i32(m.width)
          .i32(slices)
          .f32(eps)
          .blocks(blocks(m.patches()), THREADS);
    }
  }

  private void apply(
      Map m,
      Buffer x,
      @Nullable Buffer gamma,
      @Nullable Buffer beta,
      Buffer mean,
      Buffer rstd,
      Buffer y) {
    launch("apply")
        .buffer(x, storage.bytes(m.total()))
        .optional(gamma, m.parameterBytes())
        .optional(beta, m.parameterBytes())
        .floats(mean, m.patches())
        .floats(rstd, m.patches())
        .buffer(y, storage.bytes(m.total()))
        .i64(m.total())
        .i32(m.spatial)
        .i32(m.channels)
        .i32(m.width)
        .i32(m.type.ordinal())
        .i32(m.silu ? 1 : 0)
        .blocks(Math.min(MOST_BLOCKS, blocks(storage.vectors(m.total()))), THREADS);
  }

  private void normalise(
      Map m,
      float eps,
      Buffer x,
      @Nullable Buffer gamma,
      @Nullable Buffer beta,
      Buffer y,
      @Nullable Buffer mean,
      @Nullable Buffer rstd) {
    if (m.total() == 0) {
      return;
    }
    long bytes = 4L * m.patches();
    try (CudaAllocator.Scratch own = allocator.scratch(2 * bytes)) {
      Buffer means = mean == null ? own.buffer().slice(0, bytes) : mean;
      Buffer deviations = rstd == null ? own.buffer().slice(bytes, bytes) : rstd;
      statistics(m, eps, x, means, deviations, null);
      apply(m, x, gamma, beta, means, deviations, y);
    }
  }

  private void backward(
      Map m,
      boolean ownStatistics,
      Buffer x,
      @Nullable Buffer gamma,
      @Nullable Buffer beta,
      Buffer mean,
      Buffer rstd,
      Buffer dy,
      @Nullable Buffer dx,
      @Nullable Buffer dGamma,
      @Nullable Buffer dBeta) {
    if (m.total() == 0) {
      CudaDevice device = storage.device();
      for (Buffer gradient : new Buffer[] {dGamma, dBeta}) {
        if (gradient != null) {
          device.clear(gradient, 4L * m.channels);
        }
      }
      return;
    }
    if (dGamma != null || dBeta != null) {
      int slices = m.rowSlices();
      long parts = 2L * slices * m.channels;
      try (CudaAllocator.Scratch partial = allocator.scratch(4 * parts)) {
        inputs("channel_gradients", m, x, dy, gamma, beta, mean, rstd)
            .floats(partial.buffer(), parts)
            .i64(m.rows())
            .i32(m.spatial)
            .i32(m.channels)
            .i32(m.width)
            .i32(slices)
            .i32(m.type.ordinal())
            .i32(m.silu ? 1 : 0)
            .blocks(blocks(m.channels), slices, THREADS, 1);
        wide("channel_sums")
            .floats(partial.buffer(), parts)
            .optional(dGamma, 4L * m.channels)
            .optional(dBeta, 4L * m.channels)
            .i32(m.channels)
            .i32(slices)
            .blocks(blocks(m.channels), THREADS);
      }
    }
    if (dx != null) {
      try (CudaAllocator.Scratch scratch = allocator.scratch(8L * m.patches())) {
        CudaBuffer sums = ownStatistics ? scratch.buffer() : null;
        if (sums != null) {
          patchSums(m, x, dy, gamma, beta, mean, rstd, sums);
        }
        inputs("dx", m, x, dy, gamma, beta, mean, rstd)
            .optional(sums, 8L * m.patches())
            .floats(dx, m.total())
            .i64(m.total())
            .i32(m.spatial)
            .i32(m.channels)
            .i32(m.width)
            .i32(m.type.ordinal())
            .i32(m.silu ? 1 : 0)
            .blocks(blocks(m.total()), THREADS);
      }
    }
  }

  /** For each patch the sums of g and of g times the normalised value. */
  private void patchSums(
      Map m,
      Buffer x,
      Buffer dy,
      @Nullable Buffer gamma,
      @Nullable Buffer beta,
      Buffer mean,
      Buffer rstd,
      CudaBuffer sums) {
    int slices = m.slices();
    long parts = 2L * m.patches() * slices;
    try (CudaAllocator.Scratch partial = allocator.scratch(4 * parts)) {
      inputs("patch_gradients", m, x, dy, gamma, beta, mean, rstd)
          .floats(partial.buffer(), parts)
          .i32(m.spatial)
          .i32(m.channels)
          .i32(m.width)
          .i32(slices)
          .i32(m.type.ordinal())
          .i32(m.silu ? 1 : 0)
          .blocks(m.patches(), slices, THREADS, 1);
      wide("pair_sums")
          .floats(partial.buffer(), parts)
          .floats(sums, 2L * m.patches())
          .i32(m.patches())
          .i32(slices)
          .blocks(blocks(m.patches()), THREADS);
    }
  }

  private CudaLaunch inputs(
      String kernel,
      Map m,
      Buffer x,
      Buffer dy,
      @Nullable Buffer gamma,
      @Nullable Buffer beta,
      Buffer mean,
      Buffer rstd) {
    storage.requireWide("a norm's gradient");
    return wide(kernel)
        .floats(x, m.total())
        .floats(dy, m.total())
        .optional(gamma, m.parameterBytes())
        .optional(beta, m.parameterBytes())
        .floats(mean, m.patches())
        .floats(rstd, m.patches());
  }

  @Override
  public void groupNorm(
      GroupNorm p,
      Buffer x,
      @Nullable Buffer gamma,
      @Nullable Buffer beta,
      Buffer y,
      @Nullable Buffer mean,
      @Nullable Buffer rstd) {
    normalise(Map.of(p), p.eps(), x, gamma, beta, y, mean, rstd);
  }

  @Override
  public void groupNormBackward(
      GroupNorm p,
      Buffer x,
      @Nullable Buffer gamma,
      @Nullable Buffer beta,
      Buffer mean,
      Buffer rstd,
      Buffer dy,
      @Nullable Buffer dx,
      @Nullable Buffer dGamma,
      @Nullable Buffer dBeta) {
    backward(Map.of(p), true, x, gamma, beta, mean, rstd, dy, dx, dGamma, dBeta);
  }

  @Override
  public void layerNorm(
      LayerNorm p,
      Buffer x,
      @Nullable Buffer gamma,
      @Nullable Buffer beta,
      Buffer y,
      @Nullable Buffer mean,
      @Nullable Buffer rstd) {
    Map m = Map.of(p);
    launch("rows")
        .buffer(x, storage.bytes(m.total()))
        .optional(gamma, m.parameterBytes())
        .optional(beta, m.parameterBytes())
        .optional(mean, 4 * p.rows())
        .optional(rstd, 4 * p.rows())
        .buffer(y, storage.bytes(m.total()))
        .i64(p.rows())
        .i32(p.cols())
        .f32(p.eps())
        .i32(m.type.ordinal())
        .blocks(Math.min(MOST_BLOCKS, (p.rows() + ROWS - 1) / ROWS), THREADS);
  }

  @Override
  public void layerNormBackward(
      LayerNorm p,
      Buffer x,
      @Nullable Buffer gamma,
      Buffer mean,
      Buffer rstd,
      Buffer dy,
      @Nullable Buffer dx,
      @Nullable Buffer dGamma,
      @Nullable Buffer dBeta) {
    backward(Map.of(p), true, x, gamma, null, mean, rstd, dy, dx, dGamma, dBeta);
  }

  @Override
  public void batchNormTraining(
      BatchNorm p,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      Buffer runningMean,
      Buffer runningVariance,
      Buffer y,
      Buffer mean,
      Buffer rstd) {
    if (p.rows() < 2) {
      throw new IllegalArgumentException(
          "batchNormTraining: one value per channel has no variance, rows must be at least 2");
    }
    storage.requireWide("training by batches");
    Map m = Map.of(p);
    try (CudaAllocator.Scratch variance = allocator.scratch(4L * p.channels())) {
      statistics(m, p.eps(), x, mean, rstd, variance.buffer());
      running(p, runningMean, mean, 1);
      float unbiased = (float) ((double) p.rows() / (p.rows() - 1));
      running(p, runningVariance, variance.buffer(), unbiased);
      apply(m, x, gamma, beta, mean, rstd, y);
    }
  }

  private void running(BatchNorm p, Buffer running, Buffer value, float factor) {
    wide("running")
        .floats(running, p.channels())
        .floats(value, p.channels())
        .i32(p.channels())
        .f32(p.momentum())
        .f32(factor)
        .blocks(blocks(p.channels()), THREADS);
  }

  @Override
  public void batchNormInference(
      BatchNorm p,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      Buffer runningMean,
      Buffer runningVariance,
      Buffer y) {
    try (CudaAllocator.Scratch rstd = allocator.scratch(4L * p.channels())) {
      wide("rstd")
          .floats(runningVariance, p.channels())
          .floats(rstd.buffer(), p.channels())
          .i32(p.channels())
          .f32(p.eps())
          .blocks(blocks(p.channels()), THREADS);
      apply(Map.of(p), x, gamma, beta, runningMean, rstd.buffer(), y);
    }
  }

  @Override
  public void batchNormBackward(
      BatchNorm p,
      boolean training,
      Buffer x,
      Buffer gamma,
      Buffer mean,
      Buffer rstd,
      Buffer dy,
      @Nullable Buffer dx,
      @Nullable Buffer dGamma,
      @Nullable Buffer dBeta) {
    backward(Map.of(p), training, x, gamma, null, mean, rstd, dy, dx, dGamma, dBeta);
  }
}
