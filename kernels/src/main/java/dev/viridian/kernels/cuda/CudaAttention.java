package dev.viridian.kernels.cuda;

import dev.viridian.kernels.AttentionKernels;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.AttentionProblem.Strides;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.CudaBuffer;
import org.jspecify.annotations.Nullable;

/** Launches attention.cu. Heads of up to 512 values. */
final class CudaAttention implements AttentionKernels {
  private static final String FAMILY = "attention";
  private static final int TILE = 32;
  private static final int THREADS = 256;

  /** Of a head. */
  static final int MOST_VALUES = 512;

  private final CudaDevice device;
  private final CudaAllocator allocator;

  CudaAttention(CudaDevice device, CudaAllocator allocator) {
    this.device = device;
    this.allocator = allocator;
  }

  private CudaLaunch launch(String kernel) {
    return device.launch(FAMILY, kernel);
  }

  /** How many values of a head's result a block has. */
  private static int slice(AttentionProblem p) {
    return p.headDim() <= 64 ? 64 : 192;
  }

  /** The kernel for heads of this size. */
  private CudaLaunch launch(String kernel, AttentionProblem p) {
    if (p.headDim() > MOST_VALUES) {
      throw tooDeep(p);
    }
    return launch(kernel + "_" + slice(p));
  }

  static IllegalArgumentException tooDeep(AttentionProblem p) {
    return new IllegalArgumentException(
        "CUDA attention: heads of up to " + MOST_VALUES + " values are taken, got " + p.headDim());
  }

  /** One past the largest element that is reached. */
  static long span(AttentionProblem p, Strides s, long tokens, long width) {
    if (s.batch() < 0 || s.head() < 0 || s.token() < 0) {
      throw new IllegalArgumentException("CUDA attention: negative strides are not taken: " + s);
    }
    if (p.batch() == 0 || tokens == 0) {
      return 0;
    }
    return (p.batch() - 1L) * s.batch()
        + (p.heads() - 1L) * s.head()
        + (tokens - 1) * s.token()
        + width;
  }

  private static long ofQueries(AttentionProblem p, Strides s) {
    return span(p, s, p.queries(), p.headDim());
  }

  private static long ofKeys(AttentionProblem p, Strides s) {
    return span(p, s, p.keys(), p.headDim());
  }

  static long rows(AttentionProblem p) {
    return Math.multiplyExact((long) p.batch() * p.heads(), p.queries());
  }

  static CudaLaunch sizes(CudaLaunch launch, AttentionProblem p) {
    return launch
        .i32(p.heads())
        .i32(p.queries())
        .i32(p.keys())
        .i32(p.headDim())
        .f32(p.scale())
        .i32(p.causal() ? 1 : 0);
  }

  static CudaLaunch strides(CudaLaunch launch, Strides... all) {
    for (Strides s : all) {
      launch.i64s(s.batch(), s.head(), s.token());
    }
    return launch;
  }

  private static CudaLaunch inputs(CudaLaunch launch, AttentionProblem p, Inputs in) {
    return launch
        .floats(in.q(), ofQueries(p, p.q()))
        .floats(in.k(), ofKeys(p, p.k()))
        .floats(in.v(), ofKeys(p, p.v()))
        .optional(in.mask(), 4 * span(p, p.mask(), p.queries(), p.keys()));
  }

  private static void tiles(CudaLaunch launch, AttentionProblem p, int tokens) {
    long slices = Math.ceilDiv(p.headDim(), slice(p));
    launch.blocks(
        Math.ceilDiv(tokens, TILE) * slices, Math.multiplyExact(p.batch(), p.heads()), THREADS, 1);
  }

  /** The forward pass, with each head's column. Out may be null: then only the rest is computed. */
  private void rows(
      AttentionProblem p,
      Inputs in,
      @Nullable Buffer out,
      @Nullable Buffer lse,
      @Nullable Buffer columns) {
    CudaLaunch launch = launch("forward", p);
    inputs(launch, p, in)
        .optional(columns == null ? null : in.columnWeights(), 4L * p.batch() * p.keys())
        .optional(out, 4 * ofQueries(p, p.out()))
        .optional(lse, 4 * rows(p))
        .optional(columns, 4 * rows(p));
    strides(sizes(launch, p), p.q(), p.k(), p.v(), p.out(), p.mask());
    tiles(launch, p, p.queries());
  }

  @Override
  public void forward(AttentionProblem p, Inputs in, Results to) {
    if (p.batch() == 0 || p.queries() == 0) {
      return;
    }
    if (to.columnMap() == null) {
      rows(p, in, to.out(), to.lse(), null);
      return;
    }
    try (CudaAllocator.Scratch columns = allocator.scratch(4 * rows(p))) {
      rows(p, in, to.out(), to.lse(), columns.buffer());
      mean(device, p, columns.buffer(), to.columnMap());
    }
  }

  /** columnMap = the mean over the heads. */
  static void mean(CudaDevice device, AttentionProblem p, Buffer columns, Buffer columnMap) {
    long map = (long) p.batch() * p.queries();
    device
        .launch(FAMILY, "column_mean")
        .floats(columns, rows(p))
        .floats(columnMap, map)
        .i32(p.batch())
        .i32(p.heads())
        .i32(p.queries())
        .blocks((map + THREADS - 1) / THREADS, THREADS);
  }

  @Override
  public void backward(AttentionProblem p, Inputs in, Results of, Gradients g) {
    if (p.batch() == 0) {
      return;
    }
    long bytes = 4 * rows(p);
    try (CudaAllocator.Scratch scratch = allocator.scratch(2 * bytes)) {
      CudaBuffer corrections = scratch.buffer().slice(0, bytes);
      CudaBuffer columns = g.dColumnMap() == null ? null : scratch.buffer().slice(bytes, bytes);
      if (columns != null) {
        rows(p, in, null, null, columns);
      }
      long map = (long) p.batch() * p.queries();
      CudaLaunch ofRows =
          launch("corrections")
              .floats(of.out(), ofQueries(p, p.out()))
              .floats(g.dOut(), ofQueries(p, p.out()))
              .optional(columns, 4 * rows(p))
              .optional(g.dColumnMap(), 4 * map)
              .floats(corrections, rows(p))
              .i32(p.batch())
              .i32(p.heads())
              .i32(p.queries())
              .i32(p.headDim());
      strides(ofRows, p.out()).blocks((32 * rows(p) + THREADS - 1) / THREADS, THREADS);

      CudaLaunch queries = launch("backward_queries", p);
      gradients(queries, p, in, of, g, corrections);
      queries.floats(g.dq(), ofQueries(p, p.q()));
      strides(sizes(queries, p), p.q(), p.k(), p.v(), p.out(), p.mask());
      tiles(queries, p, p.queries());

      CudaLaunch keys = launch("backward_keys", p);
      gradients(keys, p, in, of, g, corrections);
      keys.floats(g.dk(), ofKeys(p, p.k())).floats(g.dv(), ofKeys(p, p.v()));
      strides(sizes(keys, p), p.q(), p.k(), p.v(), p.out(), p.mask());
      tiles(keys, p, p.keys());
    }
  }

  private static void gradients(
      CudaLaunch launch,
      AttentionProblem p,
      Inputs in,
      Results of,
      Gradients g,
      Buffer corrections) {
    inputs(launch, p, in)
        .optional(in.columnWeights(), 4L * p.batch() * p.keys())
        .floats(of.lse(), rows(p))
        .floats(g.dOut(), ofQueries(p, p.out()))
        .optional(g.dColumnMap(), 4L * p.batch() * p.queries())
        .floats(corrections, rows(p));
  }
}
