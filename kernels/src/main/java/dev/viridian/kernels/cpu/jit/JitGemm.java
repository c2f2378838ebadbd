package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmKernels;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.Selective;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Matrix products on generated code: the left factor F32, the right one of any type, both stored
 * either way.
 */
public final class JitGemm implements GemmKernels, Selective {
  /** Up to as many rows, one pass over a linear layer's weight as it lies beats copying it. */
  private static final int FEW = 4;

  /** Below this many multiplications a product of a batch is left to one thread. */
  private static final long SMALL = 4_000_000;

  private final Workers workers;
  private final Supplier<@Nullable Kit> kit;

  /** Kernels that share the given threads, for the best instructions of this machine. */
  public JitGemm(Workers workers) {
    this.workers = workers;
    kit = Kit::best;
  }

  /** The same on given functions; null declines everything. */
  JitGemm(Workers workers, @Nullable Kit kit) {
    this.workers = workers;
    this.kit = () -> kit;
  }

  @Override
  public boolean accepts(String operation, Object problem) {
    return problem instanceof GemmProblem p
        && (!p.transA() || p.k() <= TurnedRows.LONGEST)
        && p.a() == DType.F32
        && (p.m() > FEW || p.transA() || !p.transB())
        && p.strideA() >= 0
        && p.strideB() >= 0
        && p.strideC() >= 0
        && kit.get() != null;
  }

  /**
   * {@inheritDoc}
   *
   * @throws IndexOutOfBoundsException if a buffer is shorter than the problem says
   * @throws IllegalArgumentException if the problem is not {@link #accepts accepted}
   */
  @Override
  public void gemm(GemmProblem p, Buffer a, Buffer b, @Nullable Buffer bias, Buffer c) {
    Kit code = kit.get();
    if (code == null || !accepts("gemm", p)) {
      throw new IllegalArgumentException("JitGemm: does not take " + p);
    }
    if (p.batch() == 0 || p.m() == 0 || p.n() == 0) {
      return;
    }
    long matrices = p.batch() - 1L;
    long rowsA = p.transA() ? p.k() : p.m();
    long sizeA = extent(matrices * p.strideA(), rowsA, p.lda(), p.transA() ? p.m() : p.k());
    long rowsB = p.transB() ? p.n() : p.k();
    long sizeB = extent(matrices * p.strideB(), rowsB, p.ldb(), p.transB() ? p.k() : p.n());
    long sizeC = extent(matrices * p.strideC(), p.m(), p.ldc(), p.n());
    Range.address("gemm: a", a, DType.F32, sizeA);
    Range.address("gemm: b", b, p.b(), sizeB);
    Range.address("gemm: c", c, DType.F32, sizeC);
    MemorySegment biases = Bias.of("gemm: bias", p.bias() ? bias : null, p.biasType(), p.n());
    long biasAt = biases == null ? 0 : biases.address();
    long work = (long) p.m() * p.n() * p.k();
    if (p.batch() > 1 && work < SMALL) {
      workers.run(p.batch(), i -> one(code, p, i, a, b, biasAt, c));
    } else {
      for (int i = 0; i < p.batch(); i++) {
        one(code, p, i, a, b, biasAt, c);
      }
    }
    Reference.reachabilityFence(a);
    Reference.reachabilityFence(b);
    Reference.reachabilityFence(biases);
    Reference.reachabilityFence(c);
  }

  /** Elements that a batch of stored matrices takes. */
  private static long extent(long before, long rows, long ld, long columns) {
    return rows == 0 || columns == 0
        ? 0
        : Math.addExact(before, Math.addExact(Math.multiplyExact(rows - 1, ld), columns));
  }

  private void one(Kit code, GemmProblem p, int batch, Buffer a, Buffer b, long bias, Buffer c) {
    ProductOutput output =
        new ProductOutput(
            HostBuffer.of(c),
            batch * p.strideC(),
            p.ldc(),
            p.alpha(),
            p.accumulate(),
            bias,
            p.activation());
    RightMatrix right =
        new RightMatrix(HostBuffer.of(b), p.b(), batch * p.strideB(), p.ldb(), p.transB());
    MemorySegment rows = HostBuffer.of(a);
    long first = batch * p.strideA();
    LeftRows left =
        p.transA()
            ? new TurnedRows(code, rows, first, p.lda(), p.k())
            : new MatrixRows(rows.address() + 4 * first, p.lda(), p.k());
    if (collides(p) && !JitProduct.pairs(code, left, right, p.m(), p.n())) {
      left = MatrixRows.apart(workers, rows, first, p.lda(), p.m(), p.k());
    }
    new JitProduct(workers, code, left, right, p.m(), p.n(), output).run();
  }

  /** Whether rows of the left factor push each other out of the first cache, and it is worth it. */
  private static boolean collides(GemmProblem p) {
    return !p.transA() && p.m() > FEW && MatrixRows.collide(p.lda(), p.m(), p.n(), p.k());
  }
}
