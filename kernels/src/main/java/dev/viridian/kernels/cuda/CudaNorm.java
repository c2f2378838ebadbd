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

  /** Rows that are worth a block of all their channels, and how many such blocks a picture has. */
  private static final int BLOCK_ROWS = 8;

  private static final int MOST_BLOCKS_OF_ROWS = 128;

  /** Patches of a picture that such a block has room for. */
  private static final int MOST_GROUPS = 64;

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
    boolean rows = storage.isAligned(x) && takesRows(m);
    int slices = rows ? Math.clamp(m.spatial / BLOCK_ROWS, 1, MOST_BLOCKS_OF_ROWS) : m.slices();
    long parts = 2L * m.patches() * slices;
    try (CudaAllocator.Scratch partial = allocator.scratch(4 * parts)) {
      launch(rows ? "row_statistics" : "statistics")
          .buffer(x, storage.bytes(m.total()))
          .floats(partial.buffer(), parts)
          .i32(m.spatial)
          .i32(m.channels)
          .i32(m.width)
          .i32(slices)
          .blocks(rows ? m.pictures : m.patches(), slices, THREADS, 1);
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
          .blocks(blocks(32L * m.patches()), THREADS); // a warp each
    }
  }

  /** Whether whole rows can be summed up at once: channels in whole vectors, few patches. */
  private boolean takesRows(Map m) {
    int many = storage.valuesOfVector();
    return m.channels % many == 0 && m.width >= many && m.channels / m.width <= MOST_GROUPS;
  }

  /** Normalises by statistics that are there. */
  private void apply(Map m, Forward b, Buffer mean, Buffer rstd) {
    launch("apply")
        .buffer(b.x(), storage.bytes(m.total()))
        .optional(b.gamma(), m.parameterBytes())
        .optional(b.beta(), m.parameterBytes())
        .floats(mean, m.patches())
        .floats(rstd, m.patches())
        .buffer(b.y(), storage.bytes(m.total()))
        .i64(m.total())
        .i32(m.spatial)
        .i32(m.channels)
        .i32(m.width)
        .i32(m.type.ordinal())
        .i32(m.silu ? 1 : 0)
        .blocks(Math.min(MOST_BLOCKS, blocks(storage.vectors(m.total()))), THREADS);
  }

  private void backward(Map m, boolean ownStatistics, Backward b) {
    Buffer dGamma = b.dGamma();
    Buffer dBeta = b.dBeta();
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
        inputs("channel_gradients", m, b)
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
    if (b.dx() != null) {
      try (CudaAllocator.Scratch scratch = allocator.scratch(8L * m.patches())) {
        CudaBuffer sums = ownStatistics ? scratch.buffer() : null;
        if (sums != null) {
          patchSums(m, b, sums);
        }
        inputs("dx", m, b)
            .optional(sums, 8L * m.patches())
            .floats(b.dx(), m.total())
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
  private void patchSums(Map m, Backward b, CudaBuffer sums) {
    int slices = m.slices();
    long parts = 2L * m.patches() * slices;
    try (CudaAllocator.Scratch partial = allocator.scratch(4 * parts)) {
      inputs("patch_gradients", m, b)
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

  private CudaLaunch inputs(String kernel, Map m, Backward b) {
    storage.requireWide("a norm's gradient");
    return wide(kernel)
        .floats(b.x(), m.total())
        .floats(b.dy(), m.total())
        .optional(b.gamma(), m.parameterBytes())
        .optional(b.beta(), m.parameterBytes())
        .floats(b.mean(), m.patches())
        .floats(b.rstd(), m.patches());
  }

  /** Where statistics go: to where they are wanted, or to memory of the call's own. */
  private static Buffer or(@Nullable Buffer wanted, CudaAllocator.Scratch own, Map m, int index) {
    long bytes = 4L * m.patches();
    return wanted == null ? own.buffer().slice(index * bytes, bytes) : wanted;
  }

  @Override
  public void groupNorm(GroupNorm p, Forward b) {
    Map m = Map.of(p);
    if (m.total() == 0) {
      return;
    }
    try (CudaAllocator.Scratch own = allocator.scratch(8L * m.patches())) {
      Buffer mean = or(b.mean(), own, m, 0);
      Buffer rstd = or(b.rstd(), own, m, 1);
      statistics(m, p.eps(), b.x(), mean, rstd, null);
      apply(m, b, mean, rstd);
    }
  }

  @Override
  public void groupNormBackward(GroupNorm p, Backward b) {
    backward(Map.of(p), true, b);
  }

  @Override
  public void layerNorm(LayerNorm p, Forward b) {
    Map m = Map.of(p);
    launch("rows")
        .buffer(b.x(), storage.bytes(m.total()))
        .optional(b.gamma(), m.parameterBytes())
        .optional(b.beta(), m.parameterBytes())
        .optional(b.mean(), 4 * p.rows())
        .optional(b.rstd(), 4 * p.rows())
        .buffer(b.y(), storage.bytes(m.total()))
        .i64(p.rows())
        .i32(p.cols())
        .f32(p.eps())
        .i32(m.type.ordinal())
        .blocks(Math.min(MOST_BLOCKS, (p.rows() + ROWS - 1) / ROWS), THREADS);
  }

  @Override
  public void layerNormBackward(LayerNorm p, Backward b) {
    backward(Map.of(p), true, b);
  }

  @Override
  public void batchNormTraining(BatchNorm p, Forward b, Running running) {
    p.requireVariance();
    storage.requireWide("training by batches");
    Map m = Map.of(p);
    try (CudaAllocator.Scratch own = allocator.scratch(12L * m.patches())) {
      Buffer mean = or(b.mean(), own, m, 0);
      Buffer rstd = or(b.rstd(), own, m, 1);
      Buffer variance = or(null, own, m, 2);
      statistics(m, p.eps(), b.x(), mean, rstd, variance);
      running(p, running.mean(), mean, 1);
      float unbiased = (float) ((double) p.rows() / (p.rows() - 1));
      running(p, running.variance(), variance, unbiased);
      apply(m, b, mean, rstd);
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
  public void batchNormInference(BatchNorm p, Forward b, Running stored) {
    try (CudaAllocator.Scratch rstd = allocator.scratch(4L * p.channels())) {
      wide("rstd")
          .floats(stored.variance(), p.channels())
          .floats(rstd.buffer(), p.channels())
          .i32(p.channels())
          .f32(p.eps())
          .blocks(blocks(p.channels()), THREADS);
      apply(Map.of(p), b, stored.mean(), rstd.buffer());
    }
  }

  @Override
  public void batchNormBackward(BatchNorm p, boolean training, Backward b) {
    backward(Map.of(p), training, b);
  }
}
