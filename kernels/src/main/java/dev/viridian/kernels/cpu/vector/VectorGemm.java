package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmKernels;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * Matrix products by {@link Product}; those of few rows with a stored transpose by dot products.
 */
public final class VectorGemm implements GemmKernels {
  /** Up to as many rows, one pass over the weight as it lies beats copying it into panels. */
  private static final int FEW = 4;

  /** Below this many multiplications a product of a batch is left to one thread. */
  private static final long SMALL = 4_000_000;

  private static final int ROWS_OF_B = 64;
  private static final int LANES = VectorMath.FLOATS.length();

  private final Workers workers;

  /** Kernels that share the given threads. */
  public VectorGemm(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void gemm(GemmProblem p, Buffer a, Buffer b, @Nullable Buffer bias, Buffer c) {
    float[] biases = MatrixOutput.bias(bias, p.biasType(), 0, p.n());
    long work = (long) p.m() * p.n() * p.k();
    if (p.batch() > 1 && work < SMALL) {
      workers.run(p.batch(), i -> one(p, i, a, b, biases, c));
    } else {
      for (int i = 0; i < p.batch(); i++) {
        one(p, i, a, b, biases, c);
      }
    }
  }

  private void one(
      GemmProblem p, int batch, Buffer a, Buffer b, float @Nullable [] biases, Buffer c) {
    MatrixOutput output =
        new MatrixOutput(
            HostBuffer.of(c),
            batch * p.strideC(),
            p.ldc(),
            p.alpha(),
            p.accumulate(),
            biases,
            p.activation());
    MatrixOperand left =
        new MatrixOperand(HostBuffer.of(a), p.a(), batch * p.strideA(), p.lda(), !p.transA());
    MatrixOperand right =
        new MatrixOperand(HostBuffer.of(b), p.b(), batch * p.strideB(), p.ldb(), p.transB());
    if (p.m() <= FEW && p.transB() && !p.transA()) {
      dots(p, left, right, output);
    } else {
      Product.run(workers, p.m(), p.n(), p.k(), left, right, output);
    }
  }

  private void dots(GemmProblem p, MatrixOperand left, MatrixOperand right, MatrixOutput output) {
    int k = p.k();
    float[] x = new float[Math.multiplyExact(p.m(), k)];
    left.read(0, p.m(), 0, k, x, 0, k);
    workers.run(
        Math.ceilDiv(p.n(), ROWS_OF_B),
        task -> {
          int column = task * ROWS_OF_B;
          int columns = Math.min(ROWS_OF_B, p.n() - column);
          float[] row = Scratch.get(Scratch.Part.ROWS, k);
          float[] tile = Scratch.get(Scratch.Part.TILE, FEW * ROWS_OF_B);
          for (int j = 0; j < columns; j++) {
            right.read(column + j, 1, 0, k, row, 0, k);
            for (int i = 0; i < p.m(); i++) {
              tile[i * ROWS_OF_B + j] = dot(x, i * k, row, k);
            }
          }
          output.store(new Product.Tile(tile, 0, ROWS_OF_B, 0, p.m(), column, columns, true, true));
        });
  }

  private static float dot(float[] x, int at, float[] y, int count) {
    FloatVector s0 = FloatVector.zero(VectorMath.FLOATS);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    int i = 0;
    for (; i <= count - 4 * LANES; i += 4 * LANES) {
      s0 = load(x, at + i).fma(load(y, i), s0);
      s1 = load(x, at + i + LANES).fma(load(y, i + LANES), s1);
      s2 = load(x, at + i + 2 * LANES).fma(load(y, i + 2 * LANES), s2);
      s3 = load(x, at + i + 3 * LANES).fma(load(y, i + 3 * LANES), s3);
    }
    for (; i <= count - LANES; i += LANES) {
      s0 = load(x, at + i).fma(load(y, i), s0);
    }
    // Not reduceLanes: it leaves the order of the sum open.
    float sum = VectorMath.sum(s0.add(s1).add(s2.add(s3)));
    for (; i < count; i++) {
      sum = Math.fma(x[at + i], y[i], sum);
    }
    return sum;
  }

  private static FloatVector load(float[] x, int at) {
    return FloatVector.fromArray(VectorMath.FLOATS, x, at);
  }

  /** Compares a small product with the plain loops'. */
  public static @Nullable String fault(GemmKernels candidate, GemmKernels reference) {
    GemmProblem p = GemmProblem.of(37, 45, 70, false, true).types(DType.F32, DType.F16);
    MemorySegment a = SelfTest.numbers(DType.F32, 37 * 70);
    MemorySegment b = SelfTest.numbers(DType.F16, 45 * 70);
    return SelfTest.fault(
        37 * 45,
        c -> candidate.gemm(p, new HostBuffer(a), new HostBuffer(b), null, c),
        c -> reference.gemm(p, new HostBuffer(a), new HostBuffer(b), null, c));
  }
}
