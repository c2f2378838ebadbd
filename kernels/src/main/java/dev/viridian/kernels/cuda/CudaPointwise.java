package dev.viridian.kernels.cuda;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.BroadcastProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PointwiseKernels;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.CudaBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Launches pointwise.cu. */
final class CudaPointwise implements PointwiseKernels {
  private static final String FAMILY = "pointwise";
  private static final int TERMS = 8;

  private final CudaStorage storage;
  private final CudaAllocator allocator;

  /** Of numbers of any storage; gradients, {@code where} and sums of many are F32's alone. */
  CudaPointwise(CudaStorage storage, CudaAllocator allocator) {
    this.storage = storage;
    this.allocator = allocator;
  }

  private CudaLaunch launch(String kernel) {
    return storage.launch(FAMILY, kernel);
  }

  private CudaLaunch wide(String kernel) {
    return storage.wide(FAMILY, kernel);
  }

  @Override
  public void unary(Unary f, long n, float p0, float p1, Buffer x, Buffer y) {
    launch("unary")
        .i32(f.ordinal())
        .i64(n)
        .f32(p0)
        .f32(p1)
        .buffer(x, storage.bytes(n))
        .buffer(y, storage.bytes(n))
        .each(n);
  }

  @Override
  public void unaryBackward(Unary f, long n, float p0, float p1, Buffer x, Buffer dy, Buffer dx) {
    wide("unary_backward")
        .i32(f.ordinal())
        .i64(n)
        .f32(p0)
        .f32(p1)
        .floats(x, n)
        .floats(dy, n)
        .floats(dx, n)
        .each(n);
  }

  @Override
  public void binary(Binary f, BroadcastProblem p, Buffer a, Buffer b, Buffer y) {
    long n = p.elements();
    if (n == 0) {
      return;
    }
    Walk walk = walk(p);
    boolean flat = walk.isContiguous(0) && walk.isContiguous(1);
    CudaLaunch launch = launch(flat ? "binary_flat" : "binary").i32(f.ordinal()).i64(n);
    operands(launch, walk, flat)
        .buffer(a, storage.bytes(walk.span(0)))
        .buffer(b, storage.bytes(walk.span(1)))
        .buffer(y, storage.bytes(n))
        .each(flat && f == Binary.ADD ? storage.vectors(n) : n);
  }

  @Override
  public void binaryBackwardA(
      Binary f, BroadcastProblem p, Buffer a, Buffer b, Buffer dy, Buffer da) {
    slope(f, true, p, a, b, dy, da);
  }

  @Override
  public void binaryBackwardB(
      Binary f, BroadcastProblem p, Buffer a, Buffer b, Buffer dy, Buffer db) {
    slope(f, false, p, a, b, dy, db);
  }

  private void slope(
      Binary f, boolean byA, BroadcastProblem p, Buffer a, Buffer b, Buffer dy, Buffer to) {
    long n = p.elements();
    if (n == 0) {
      return;
    }
    Walk walk = walk(p);
    boolean flat = walk.isContiguous(0) && walk.isContiguous(1);
    CudaLaunch launch =
        wide(flat ? "binary_flat_backward" : "binary_backward")
            .i32(f.ordinal())
            .i32(byA ? 1 : 0)
            .i64(n);
    operands(launch, walk, flat)
        .floats(a, walk.span(0))
        .floats(b, walk.span(1))
        .floats(dy, n)
        .floats(to, n)
        .each(n);
  }

  private static Walk walk(BroadcastProblem p) {
    Walk walk = Walk.of(p.shape(), p.aStrides(), p.bStrides());
    if (walk.least(0) < 0 || walk.least(1) < 0) {
      throw new IllegalArgumentException("binary: negative strides are not taken: " + p);
    }
    return walk;
  }

  /** How the operands are walked through, unless they lie one number after the other. */
  private static CudaLaunch operands(CudaLaunch launch, Walk walk, boolean flat) {
    return flat
        ? launch
        : launch.i64s(walk.sizes()).i64s(walk.strides()[0]).i64s(walk.strides()[1]);
  }

  @Override
  public void where(long n, Buffer c, Buffer a, Buffer b, Buffer y) {
    wide("where").i64(n).buffer(c, 4 * n).floats(a, n).floats(b, n).floats(y, n).each(n);
  }

  @Override
  public void linearCombination(long n, List<Term> terms, Buffer y) {
    if (terms.size() <= TERMS) {
      combine(n, terms, null, y);
      return;
    }
    // y may be one of the terms, so the sum so far lies elsewhere.
    try (CudaAllocator.Scratch sum = allocator.scratch(4 * n)) {
      for (int first = 0; first < terms.size(); first += TERMS) {
        int end = Math.min(first + TERMS, terms.size());
        CudaBuffer start = first == 0 ? null : sum.buffer();
        combine(n, terms.subList(first, end), start, end == terms.size() ? y : sum.buffer());
      }
    }
  }

  /** Adds up to eight terms to {@code start}. */
  private void combine(long n, List<Term> terms, @Nullable Buffer start, Buffer y) {
    int count = terms.size();
    CudaLaunch launch = wide("combine").i32(count).i64(n).optional(start, 4 * n);
    for (int k = 0; k < TERMS; k++) {
      launch.f32(k < count ? terms.get(k).coefficient() : 0);
    }
    for (int k = 0; k < TERMS; k++) {
      launch.optional(k < count ? terms.get(k).x() : null, 4 * n);
    }
    launch.floats(y, n).each(n);
  }

  @Override
  public void geglu(long rows, int cols, Buffer x, Buffer y) {
    geglu(rows, cols, DType.F32, null, x, y);
  }

  @Override
  public void geglu(
      long rows, int cols, DType biasType, @Nullable Buffer bias, Buffer x, Buffer y) {
    long n = Math.multiplyExact(rows, cols);
    launch("geglu")
        .i64(n)
        .i32(cols)
        .i32(biasType.ordinal())
        .optional(bias, 2L * cols * biasType.bytes())
        .buffer(x, storage.bytes(2 * n))
        .buffer(y, storage.bytes(n))
        .each(storage.vectors(n));
  }

  @Override
  public void addBias(
      long rows, int cols, DType biasType, Buffer x, Buffer bias, Buffer residual, Buffer y) {
    if (storage.type() == DType.F32) {
      throw new UnsupportedOperationException("CUDA: addBias is there for 16 bits alone");
    }
    CudaDnnConv.finish(
        storage,
        Math.multiplyExact(rows, cols),
        cols,
        Activation.NONE,
        biasType,
        bias,
        residual,
        x,
        y);
  }

  @Override
  public void gegluBackward(long rows, int cols, Buffer x, Buffer dy, Buffer dx) {
    long n = Math.multiplyExact(rows, cols);
    wide("geglu_backward")
        .i64(n)
        .i32(cols)
        .floats(x, 2 * n)
        .floats(dy, n)
        .floats(dx, 2 * n)
        .each(n);
  }

  @Override
  public void addTo(long n, float alpha, Buffer x, Buffer y) {
    wide("add_to").i64(n).f32(alpha).floats(x, n).floats(y, n).each(n);
  }
}
