package dev.viridian.kernels.cpu;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.AttentionKernels;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.AttentionProblem.Strides;
import dev.viridian.kernels.ConvKernels;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmKernels;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.ImageKernels;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.OptimizerKernels;
import dev.viridian.kernels.PackedKernels;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.PointwiseKernels;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.RandomKernels;
import dev.viridian.kernels.ReduceKernels;
import dev.viridian.kernels.ResampleKernels;
import dev.viridian.kernels.SoftmaxKernels;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.Bf16Rounding;
import dev.viridian.kernels.memory.Allocator;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Kernels of the CPU whose products, convolutions and attention round their factors to bfloat16,
 * forward and backward: mixed precision. What they are given and what they give stays F32, and so
 * do sums; everything else is left as it is. Rounded factors lie in memory of the device while a
 * call takes.
 */
public final class RoundedKernels implements Kernels {
  /** Rounds n F32 numbers to bfloat16, in place or from one buffer to another. */
  @FunctionalInterface
  public interface Rounding {
    /** {@code to = bf16(from)}, F32 both. */
    void round(long n, Buffer from, Buffer to);
  }

  /** Products that are narrower, or smaller altogether, are not worth packing a factor for. */
  private static final int LEAST_SIDE = 32;

  private static final long LEAST_WORK = 1 << 21;

  private final Kernels plain;
  private final Allocator allocator;
  private final Rounding rounding;
  private final boolean packs;

  /**
   * Around kernels of the CPU.
   *
   * @param plain closed with this
   * @param allocator where rounded factors lie
   * @param workers the threads that round
   */
  public RoundedKernels(Kernels plain, Allocator allocator, Workers workers) {
    this(plain, allocator, new Bf16Rounding(workers)::round);
  }

  /** The same with another way to round: none, where memory alone is counted. */
  public RoundedKernels(Kernels plain, Allocator allocator, Rounding rounding) {
    this.plain = plain;
    this.allocator = allocator;
    this.rounding = rounding;
    packs = plain.packed().offers(Precision.BF16);
  }

  /** A factor as it is multiplied, and the memory that was taken for it. */
  private record Factor(Buffer buffer, DType type, @Nullable Allocator from)
      implements AutoCloseable {
    @Override
    public void close() {
      if (from != null) {
        from.release(buffer);
      }
    }
  }

  private Factor rounded(long elements, DType type, Buffer given) {
    if (type == DType.BF16 || elements == 0) {
      return new Factor(given, type, null);
    }
    if (type == DType.F32) {
      Factor factor = new Factor(allocator.allocate(4 * elements), DType.F32, allocator);
      rounding.round(elements, given, factor.buffer);
      return factor;
    }
    Factor factor = new Factor(allocator.allocate(2 * elements), DType.BF16, allocator);
    List<Long> row = List.of(1L);
    plain
        .copy()
        .copy(
            new CopyKernels.Copy(List.of(elements), type, 0, row, DType.BF16, 0, row),
            given,
            factor.buffer);
    return factor;
  }

  private Factor rounded(long elements, Buffer given) {
    return rounded(elements, DType.F32, given);
  }

  @Override
  public GemmKernels gemm() {
    return this::gemm;
  }

  /** Elements that a batch of stored matrices takes. */
  private static long extent(int batch, long stride, long rows, long ld, long columns) {
    return batch == 0 || rows == 0 || columns == 0
        ? 0
        : (batch - 1L) * stride + (rows - 1) * ld + columns;
  }

  /** Whether a product is worth packing its right factor for the processor's own dot products. */
  private boolean packs(GemmProblem p) {
    return packs
        && p.batch() == 1
        && p.a() == DType.F32
        && (p.transB() ? p.ldb() == p.k() : p.ldb() == p.n() && p.b() == DType.F32)
        && p.ldc() == p.n()
        && p.alpha() == 1
        && !p.accumulate()
        && p.activation() == Activation.NONE
        && Math.min(p.m(), Math.min(p.n(), p.k())) >= LEAST_SIDE
        && p.k() < PackedWeight.LONGEST - 3
        && (long) p.m() * p.n() * p.k() >= LEAST_WORK;
  }

  /** With the factors rounded on their way: the right one as it is packed, the left one after. */
  private void packed(GemmProblem p, Buffer a, Buffer b, @Nullable Buffer bias, Buffer c) {
    PackedWeight w = new PackedWeight(Precision.BF16, p.n(), 1, p.k());
    boolean rows = !p.transA() && p.lda() == p.k();
    try (Factor right = new Factor(allocator.allocate(w.bytes()), DType.BF16, allocator);
        Factor left = rows ? new Factor(a, DType.F32, null) : turned(p, a)) {
      if (p.transB()) {
        plain.packed().pack(w, p.b(), b, right.buffer);
      } else {
        plain.packed().packTurned(w, b, right.buffer);
      }
      plain.packed().product(w, p.m(), left.buffer, right.buffer, p.biasType(), bias, c);
    }
  }

  /** The left factor row by row. */
  private Factor turned(GemmProblem p, Buffer a) {
    Factor factor = new Factor(allocator.allocate(4L * p.m() * p.k()), DType.F32, allocator);
    List<Long> strides = p.transA() ? List.of(1L, p.lda()) : List.of(p.lda(), 1L);
    plain
        .copy()
        .copy(
            new CopyKernels.Copy(
                List.of((long) p.m(), (long) p.k()),
                DType.F32,
                0,
                strides,
                DType.F32,
                0,
                List.of((long) p.k(), 1L)),
            a,
            factor.buffer);
    return factor;
  }

  private void gemm(GemmProblem p, Buffer a, Buffer b, @Nullable Buffer bias, Buffer c) {
    if (packs(p)) {
      packed(p, a, b, bias, c);
      return;
    }
    long sizeA =
        extent(
            p.batch(),
            p.strideA(),
            p.transA() ? p.k() : p.m(),
            p.lda(),
            p.transA() ? p.m() : p.k());
    long sizeB =
        extent(
            p.batch(),
            p.strideB(),
            p.transB() ? p.n() : p.k(),
            p.ldb(),
            p.transB() ? p.k() : p.n());
    try (Factor left = rounded(sizeA, p.a(), a);
        Factor right = rounded(sizeB, p.b(), b)) {
      plain.gemm().gemm(p.types(left.type, right.type), left.buffer, right.buffer, bias, c);
    }
  }

  @Override
  public ConvKernels conv() {
    return new Convolutions();
  }

  private final class Convolutions implements ConvKernels {
    private static long inputs(ConvProblem p) {
      return (long) p.n() * p.h() * p.w() * p.c();
    }

    private static long outputs(ConvProblem p) {
      return (long) p.n() * p.outH() * p.outW() * p.outC();
    }

    private Factor filters(ConvProblem p, Buffer weight) {
      long elements = (long) p.outC() * p.kh() * p.kw() * (p.c() / p.groups());
      return rounded(elements, p.weight(), weight);
    }

    @Override
    public void forward(ConvProblem p, Buffer x, Buffer weight, @Nullable Buffer bias, Buffer y) {
      try (Factor map = rounded(inputs(p), x);
          Factor filters = filters(p, weight)) {
        plain.conv().forward(p.weight(filters.type), map.buffer, filters.buffer, bias, y);
      }
    }

    @Override
    public void backwardData(ConvProblem p, Buffer dy, Buffer weight, Buffer dx) {
      try (Factor map = rounded(outputs(p), dy);
          Factor filters = filters(p, weight)) {
        plain.conv().backwardData(p.weight(filters.type), map.buffer, filters.buffer, dx);
      }
    }

    @Override
    public void backwardFilter(ConvProblem p, Buffer x, Buffer dy, Buffer dw) {
      try (Factor map = rounded(inputs(p), x);
          Factor gradient = rounded(outputs(p), dy)) {
        plain.conv().backwardFilter(p, map.buffer, gradient.buffer, dw);
      }
    }
  }

  @Override
  public AttentionKernels attention() {
    return new Attention();
  }

  /** Queries, keys, values and the result's gradient are rounded; probabilities stay F32. */
  private final class Attention implements AttentionKernels {
    private static long span(AttentionProblem p, Strides s, int tokens) {
      return p.batch() == 0 || tokens == 0
          ? 0
          : (p.batch() - 1L) * s.batch()
              + (p.heads() - 1L) * s.head()
              + (tokens - 1L) * s.token()
              + p.headDim();
    }

    @Override
    public void forward(AttentionProblem p, Inputs in, Results to) {
      try (Factor q = rounded(span(p, p.q(), p.queries()), in.q());
          Factor k = rounded(span(p, p.k(), p.keys()), in.k());
          Factor v = rounded(span(p, p.v(), p.keys()), in.v())) {
        plain.attention().forward(p, with(in, q, k, v), to);
      }
    }

    private static Inputs with(Inputs in, Factor q, Factor k, Factor v) {
      return new Inputs(q.buffer, k.buffer, v.buffer, in.mask(), in.columnWeights());
    }

    @Override
    public void backward(AttentionProblem p, Inputs in, Results of, Gradients g) {
      try (Factor q = rounded(span(p, p.q(), p.queries()), in.q());
          Factor k = rounded(span(p, p.k(), p.keys()), in.k());
          Factor v = rounded(span(p, p.v(), p.keys()), in.v());
          Factor dOut = rounded(span(p, p.out(), p.queries()), g.dOut())) {
        Gradients gradients = new Gradients(dOut.buffer, g.dColumnMap(), g.dq(), g.dk(), g.dv());
        plain.attention().backward(p, with(in, q, k, v), of, gradients);
      }
    }
  }

  @Override
  public void share(int count, IntConsumer part) {
    plain.share(count, part);
  }

  @Override
  public PackedKernels packed() {
    return plain.packed();
  }

  @Override
  public SoftmaxKernels softmax() {
    return plain.softmax();
  }

  @Override
  public NormKernels norm() {
    return plain.norm();
  }

  @Override
  public PointwiseKernels pointwise() {
    return plain.pointwise();
  }

  @Override
  public ReduceKernels reduce() {
    return plain.reduce();
  }

  @Override
  public ResampleKernels resample() {
    return plain.resample();
  }

  @Override
  public CopyKernels copy() {
    return plain.copy();
  }

  @Override
  public RandomKernels random() {
    return plain.random();
  }

  @Override
  public OptimizerKernels optimizer() {
    return plain.optimizer();
  }

  @Override
  public ImageKernels image() {
    return plain.image();
  }

  @Override
  public void close() {
    plain.close();
  }
}
