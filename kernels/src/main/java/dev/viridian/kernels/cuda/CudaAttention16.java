package dev.viridian.kernels.cuda;

import dev.viridian.kernels.AttentionKernels;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.AttentionProblem.Strides;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.CudaBuffer;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Attention on tensor cores: factors are F16 or BF16, sums and softmax are F32. Tensors of F32 are
 * rounded once, into packed memory; activations of the factors' type are read where they lie.
 * Launches attention16.cu, attention_TYPE.cu and attention_TYPE_backward.cu. Heads of up to 512
 * values.
 */
final class CudaAttention16 implements AttentionKernels {
  private static final String COMMON = "attention16";
  private static final int TILE = 64;
  private static final int THREADS = 128;

  /** Rows of a block of 256 threads, a warp a row. */
  private static final int WARPS = 8;

  /** Of the kernels for heads of up to 80 values: how many queries a block has. */
  private static final int NARROW_QUERIES = 128;

  private static final int CHUNK = 64;
  private static final int OUT_CHUNKS = 3;
  private static final int BACK_CHUNKS = 2;

  private static final int VECTOR = 8;

  private final CudaStorage storage;
  private final CudaDevice device;
  private final CudaAllocator allocator;
  private final CudaFactors factors;
  private final CudaPack16 pack;
  private final String forward;
  private final String backward;

  /** Of tensors of F32, or of the type that factors are packed to. */
  CudaAttention16(
      CudaStorage storage, CudaAllocator allocator, CudaFactors factors, CudaPack16 pack) {
    this.storage = storage;
    this.factors = factors;
    this.device = storage.device();
    this.allocator = allocator;
    this.pack = pack;
    forward = "attention_" + pack.type().name().toLowerCase(Locale.ROOT);
    backward = forward + "_backward";
  }

  /** How wide rows of packed tensors are, and which kernel takes them. */
  private record Depth(int width, String name) {
    static Depth of(AttentionProblem p) {
      for (int width : new int[] {48, 64, 80}) {
        if (p.headDim() <= width) {
          return new Depth(width, "_" + width);
        }
      }
      if (p.headDim() > CudaAttention.MOST_VALUES) {
        throw CudaAttention.tooDeep(p);
      }
      return new Depth(Math.ceilDiv(p.headDim(), CHUNK) * CHUNK, "_wide");
    }

    boolean isWide() {
      return name.equals("_wide");
    }

    /** Blocks for so many tokens, where a wide head's block has some chunks of the result. */
    long blocks(int tokens, int narrowTile, int chunks) {
      return isWide()
          ? (long) Math.ceilDiv(tokens, TILE) * Math.ceilDiv(width / CHUNK, chunks)
          : Math.ceilDiv(tokens, narrowTile);
    }
  }

  private static int pictures(AttentionProblem p) {
    return Math.multiplyExact(p.batch(), p.heads());
  }

  /** Bytes of a packed tensor. */
  private static long packed(AttentionProblem p, Depth depth, int tokens) {
    return Math.multiplyExact((long) pictures(p) * tokens, 2L * depth.width);
  }

  private CudaAllocator.Scratch pack(
      AttentionProblem p, Depth depth, Buffer from, Strides strides, int tokens) {
    return pack.rows(
        from,
        CudaAttention.span(p, strides, tokens, p.headDim()),
        p.batch(),
        p.heads(),
        tokens,
        p.headDim(),
        depth.width,
        strides.batch(),
        strides.head(),
        strides.token());
  }

  private static CudaLaunch sizes(CudaLaunch launch, AttentionProblem p, Depth depth) {
    return CudaAttention.sizes(launch.i32(depth.width), p);
  }

  private static CudaLaunch packed(
      CudaLaunch launch,
      AttentionProblem p,
      Depth depth,
      CudaBuffer q,
      CudaBuffer k,
      CudaBuffer v) {
    return launch
        .buffer(q, packed(p, depth, p.queries()))
        .buffer(k, packed(p, depth, p.keys()))
        .buffer(v, packed(p, depth, p.keys()));
  }

  private static CudaLaunch masks(
      CudaLaunch launch, AttentionProblem p, Inputs in, boolean columns) {
    return launch
        .optional(in.mask(), 4 * CudaAttention.span(p, p.mask(), p.queries(), p.keys()))
        .optional(columns ? in.columnWeights() : null, 4L * p.batch() * p.keys());
  }

  /** One of q, k and v as the forward kernel reads it; strides in elements of 16 bits. */
  private record Read(CudaBuffer at, Strides strides, CudaAllocator.@Nullable Scratch scratch)
      implements AutoCloseable {
    @Override
    public void close() {
      if (scratch != null) {
        scratch.close();
      }
    }
  }

  /** Strides of packed rows. */
  private static Strides packedStrides(AttentionProblem p, Depth depth, int tokens) {
    long head = (long) tokens * depth.width;
    return new Strides(p.heads() * head, head, depth.width);
  }

  /** Whether the kernels can copy a head's values in whole vectors. */
  private static boolean isWhole(CudaBuffer at, Strides s) {
    long all = s.batch() | s.head() | s.token();
    return (all & (VECTOR - 1)) == 0 && (at.address() & (2 * VECTOR - 1)) == 0;
  }

  private boolean isNative(AttentionProblem p, Inputs in) {
    return storage.type() != DType.F32
        && p.headDim() % VECTOR == 0
        && isWhole(device.own(in.q()), p.q())
        && isWhole(device.own(in.k()), p.k())
        && isWhole(device.own(in.v()), p.v());
  }

  /** A tensor where it lies, or packed; of 16 bits that are no whole vectors by way of F32. */
  private Read read(
      AttentionProblem p, Depth depth, boolean whole, Buffer from, Strides strides, int tokens) {
    CudaBuffer own = device.own(from);
    if (whole) {
      return new Read(own, strides, null);
    }
    long count = CudaAttention.span(p, strides, tokens, p.headDim());
    CudaAllocator.Scratch widened = factors.converted(own, storage.type(), DType.F32, count);
    try {
      CudaAllocator.Scratch packed =
          pack(p, depth, widened == null ? own : widened.buffer(), strides, tokens);
      return new Read(packed.buffer(), packedStrides(p, depth, tokens), packed);
    } finally {
      if (widened != null) {
        widened.close();
      }
    }
  }

  /** The forward kernel; its factors have {@code values} of 16 bits for each head. */
  private void rows(
      AttentionProblem p,
      Depth depth,
      int values,
      Read q,
      Read k,
      Read v,
      Inputs in,
      @Nullable Buffer out,
      @Nullable Buffer lse,
      @Nullable Buffer columns) {
    CudaLaunch launch = device.launch(forward, "forward" + depth.name);
    for (Read read : new Read[] {q, k, v}) {
      int tokens = read == q ? p.queries() : p.keys();
      launch.buffer(read.at, 2 * CudaAttention.span(p, read.strides, tokens, values));
    }
    masks(launch, p, in, columns != null)
        .optional(out, storage.bytes(CudaAttention.span(p, p.out(), p.queries(), p.headDim())))
        .optional(lse, 4 * CudaAttention.rows(p))
        .optional(columns, 4 * CudaAttention.rows(p))
        .i32(values)
        .i32(storage.type() == DType.F32 ? 0 : 1);
    CudaAttention.strides(
        CudaAttention.sizes(launch, p), q.strides, k.strides, v.strides, p.out(), p.mask());
    // without a result, a wide head needs no slices of it: but they are few
    launch.blocks(depth.blocks(p.queries(), NARROW_QUERIES, OUT_CHUNKS), pictures(p), THREADS, 1);
  }

  @Override
  public void forward(AttentionProblem p, Inputs in, Results to) {
    Depth depth = Depth.of(p);
    if (p.batch() == 0 || p.queries() == 0) {
      return;
    }
    Buffer columnMap = to.columnMap();
    boolean whole = isNative(p, in);
    int values = whole ? p.headDim() : depth.width;
    try (Read q = read(p, depth, whole, in.q(), p.q(), p.queries());
        Read k = read(p, depth, whole, in.k(), p.k(), p.keys());
        Read v = read(p, depth, whole, in.v(), p.v(), p.keys());
        CudaAllocator.Scratch columns =
            columnMap == null ? null : allocator.scratch(4 * CudaAttention.rows(p))) {
      CudaBuffer ofHeads = columns == null ? null : columns.buffer();
      rows(p, depth, values, q, k, v, in, to.out(), to.lse(), ofHeads);
      if (ofHeads != null && columnMap != null) {
        CudaAttention.mean(device, p, ofHeads, columnMap);
      }
    }
  }

  @Override
  public void backward(AttentionProblem p, Inputs in, Results of, Gradients g) {
    storage.requireWide("attention's gradient");
    Depth depth = Depth.of(p);
    if (p.batch() == 0) {
      return;
    }
    long padded = (long) pictures(p) * Math.ceilDiv(p.queries(), TILE) * TILE;
    try (CudaAllocator.Scratch queries = pack(p, depth, in.q(), p.q(), p.queries());
        CudaAllocator.Scratch keys = pack(p, depth, in.k(), p.k(), p.keys());
        CudaAllocator.Scratch values = pack(p, depth, in.v(), p.v(), p.keys());
        CudaAllocator.Scratch gradients = pack(p, depth, g.dOut(), p.out(), p.queries());
        CudaAllocator.Scratch sums = allocator.scratch(3 * 4 * padded);
        CudaAllocator.Scratch columns =
            g.dColumnMap() == null ? null : allocator.scratch(4 * CudaAttention.rows(p))) {
      if (columns != null && p.queries() > 0) {
        Strides ofKeys = packedStrides(p, depth, p.keys());
        rows(
            p,
            depth,
            depth.width,
            new Read(queries.buffer(), packedStrides(p, depth, p.queries()), null),
            new Read(keys.buffer(), ofKeys, null),
            new Read(values.buffer(), ofKeys, null),
            in,
            null,
            null,
            columns.buffer());
      }
      Buffer ofColumns = columns == null ? null : columns.buffer();
      CudaLaunch launch =
          device
              .launch(COMMON, "sums")
              .floats(of.out(), CudaAttention.span(p, p.out(), p.queries(), p.headDim()))
              .floats(g.dOut(), CudaAttention.span(p, p.out(), p.queries(), p.headDim()))
              .floats(of.lse(), CudaAttention.rows(p))
              .optional(ofColumns, 4 * CudaAttention.rows(p))
              .optional(g.dColumnMap(), 4L * p.batch() * p.queries());
      three(launch, sums.buffer(), padded).i32(p.heads()).i32(p.queries()).i32(p.headDim());
      CudaAttention.strides(launch, p.out())
          .blocks((long) Math.ceilDiv(p.queries(), TILE) * TILE / WARPS, pictures(p), 256, 1);

      CudaLaunch ofQueries = device.launch(backward, "queries" + depth.name);
      packed(ofQueries, p, depth, queries.buffer(), keys.buffer(), values.buffer())
          .buffer(gradients.buffer(), packed(p, depth, p.queries()));
      masks(ofQueries, p, in, true);
      three(ofQueries, sums.buffer(), padded)
          .floats(g.dq(), CudaAttention.span(p, p.q(), p.queries(), p.headDim()));
      CudaAttention.strides(sizes(ofQueries, p, depth), p.q(), p.mask())
          .blocks(depth.blocks(p.queries(), TILE, BACK_CHUNKS), pictures(p), THREADS, 1);

      CudaLaunch ofKeys = device.launch(backward, "keys" + depth.name);
      packed(ofKeys, p, depth, queries.buffer(), keys.buffer(), values.buffer())
          .buffer(gradients.buffer(), packed(p, depth, p.queries()));
      masks(ofKeys, p, in, true);
      three(ofKeys, sums.buffer(), padded)
          .floats(g.dk(), CudaAttention.span(p, p.k(), p.keys(), p.headDim()))
          .floats(g.dv(), CudaAttention.span(p, p.v(), p.keys(), p.headDim()));
      CudaAttention.strides(sizes(ofKeys, p, depth), p.k(), p.v(), p.mask())
          .blocks(depth.blocks(p.keys(), TILE, BACK_CHUNKS), pictures(p), THREADS, 1);
    }
  }

  /** The three sums of each padded row, one behind the other. */
  private static CudaLaunch three(CudaLaunch launch, CudaBuffer sums, long padded) {
    for (int i = 0; i < 3; i++) {
      launch.floats(sums.slice(4 * i * padded, 4 * padded), padded);
    }
    return launch;
  }
}
