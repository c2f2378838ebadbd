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
  private static final int[] DEPTHS = {64, 192, 512};

  private final CudaDevice device;
  private final CudaAllocator allocator;

  CudaAttention(CudaDevice device, CudaAllocator allocator) {
    this.device = device;
    this.allocator = allocator;
  }

  private CudaLaunch launch(String kernel) {
    return device.launch(FAMILY, kernel);
  }

  /** The kernel for heads of this size. */
  private CudaLaunch launch(String kernel, AttentionProblem p) {
    for (int depth : DEPTHS) {
      if (p.headDim() <= depth) {
        return launch(kernel + "_" + depth);
      }
    }
    throw new IllegalArgumentException(
        "CUDA attention: heads of up to 512 values are taken, got " + p.headDim());
  }

  /** One past the largest element that is reached. */
  private static long span(AttentionProblem p, Strides s, long tokens, long width) {
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

  private static long rows(AttentionProblem p) {
    return Math.multiplyExact((long) p.batch() * p.heads(), p.queries());
  }

  private static CudaLaunch sizes(CudaLaunch launch, AttentionProblem p) {
    return launch
        .i32(p.heads())
        .i32(p.queries())
        .i32(p.keys())
        .i32(p.headDim())
        .f32(p.scale())
        .i32(p.causal() ? 1 : 0);
  }

  private static CudaLaunch strides(CudaLaunch launch, Strides... all) {
    for (Strides s : all) {
      launch.i64s(s.batch(), s.head(), s.token());
    }
    return launch;
  }

  private static CudaLaunch inputs(
      CudaLaunch launch,
      AttentionProblem p,
      Buffer q,
      Buffer k,
      Buffer v,
      @Nullable Buffer mask,
      @Nullable Buffer columnWeights) {
    return launch
        .floats(q, ofQueries(p, p.q()))
        .floats(k, ofKeys(p, p.k()))
        .floats(v, ofKeys(p, p.v()))
        .optional(mask, 4 * span(p, p.mask(), p.queries(), p.keys()))
        .optional(columnWeights, 4L * p.batch() * p.keys());
  }

  private static void tiles(CudaLaunch launch, AttentionProblem p, int tokens) {
    launch.blocks(Math.ceilDiv(tokens, TILE), Math.multiplyExact(p.batch(), p.heads()), THREADS, 1);
  }

  /** The forward pass, with each head's column. Out may be null: then only the rest is computed. */
  private void rows(
      AttentionProblem p,
      Buffer q,
      Buffer k,
      Buffer v,
      @Nullable Buffer mask,
      @Nullable Buffer columnWeights,
      @Nullable Buffer out,
      @Nullable Buffer lse,
      @Nullable Buffer columns) {
    CudaLaunch launch = launch("forward", p);
    inputs(launch, p, q, k, v, mask, columnWeights)
        .optional(out, 4 * ofQueries(p, p.out()))
        .optional(lse, 4 * rows(p))
        .optional(columns, 4 * rows(p));
    strides(sizes(launch, p), p.q(), p.k(), p.v(), p.out(), p.mask());
    tiles(launch, p, p.queries());
  }

  @Override
  public void forward(
      AttentionProblem p,
      Buffer q,
      Buffer k,
      Buffer v,
      @Nullable Buffer mask,
      @Nullable Buffer columnWeights,
      Buffer out,
      @Nullable Buffer lse,
      @Nullable Buffer columnMap) {
    if (p.batch() == 0 || p.queries() == 0) {
      return;
    }
    if (columnMap == null) {
      rows(p, q, k, v, mask, null, out, lse, null);
      return;
    }
    CudaBuffer columns = allocator.allocate(4 * rows(p));
    rows(p, q, k, v, mask, columnWeights, out, lse, columns);
    long map = (long) p.batch() * p.queries();
    launch("column_mean")
        .floats(columns, rows(p))
        .floats(columnMap, map)
        .i32(p.batch())
        .i32(p.heads())
        .i32(p.queries())
        .blocks((map + THREADS - 1) / THREADS, THREADS);
    allocator.release(columns);
  }

  @Override
  public void backward(
      AttentionProblem p,
      Buffer q,
      Buffer k,
      Buffer v,
      @Nullable Buffer mask,
      @Nullable Buffer columnWeights,
      Buffer out,
      Buffer lse,
      Buffer dOut,
      @Nullable Buffer dColumnMap,
      Buffer dq,
      Buffer dk,
      Buffer dv) {
    if (p.batch() == 0) {
      return;
    }
    CudaBuffer corrections = allocator.allocate(4 * rows(p));
    CudaBuffer columns = null;
    if (dColumnMap != null) {
      columns = allocator.allocate(4 * rows(p));
      rows(p, q, k, v, mask, columnWeights, null, null, columns);
    }
    long map = (long) p.batch() * p.queries();
    CudaLaunch of =
        launch("corrections")
            .floats(out, ofQueries(p, p.out()))
            .floats(dOut, ofQueries(p, p.out()))
            .optional(columns, 4 * rows(p))
            .optional(dColumnMap, 4 * map)
            .floats(corrections, rows(p))
            .i32(p.batch())
            .i32(p.heads())
            .i32(p.queries())
            .i32(p.headDim());
    strides(of, p.out()).blocks((32 * rows(p) + THREADS - 1) / THREADS, THREADS);

    CudaLaunch queries = launch("backward_queries", p);
    gradients(queries, p, q, k, v, mask, columnWeights, lse, dOut, dColumnMap, corrections);
    queries.floats(dq, ofQueries(p, p.q()));
    strides(sizes(queries, p), p.q(), p.k(), p.v(), p.out(), p.mask());
    tiles(queries, p, p.queries());

    CudaLaunch keys = launch("backward_keys", p);
    gradients(keys, p, q, k, v, mask, columnWeights, lse, dOut, dColumnMap, corrections);
    keys.floats(dk, ofKeys(p, p.k())).floats(dv, ofKeys(p, p.v()));
    strides(sizes(keys, p), p.q(), p.k(), p.v(), p.out(), p.mask());
    tiles(keys, p, p.keys());

    allocator.release(corrections);
    if (columns != null) {
      allocator.release(columns);
    }
  }

  private static void gradients(
      CudaLaunch launch,
      AttentionProblem p,
      Buffer q,
      Buffer k,
      Buffer v,
      @Nullable Buffer mask,
      @Nullable Buffer columnWeights,
      Buffer lse,
      Buffer dOut,
      @Nullable Buffer dColumnMap,
      Buffer corrections) {
    inputs(launch, p, q, k, v, mask, columnWeights)
        .floats(lse, rows(p))
        .floats(dOut, ofQueries(p, p.out()))
        .optional(dColumnMap, 4L * p.batch() * p.queries())
        .floats(corrections, rows(p));
  }
}
