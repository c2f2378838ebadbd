package dev.viridian.kernels.cuda;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmKernels;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.CudaBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Products by cuBLAS, summed in F32 (no TF32), with bias and activation by a kernel of our own.
 * Factors of 16 bits are multiplied by tensor cores, both rounded to that type first; factors of
 * F32 are widened first where their types differ. Results are F32, or activations of 16 bits.
 */
final class CudaGemm implements GemmKernels {
  private final CudaStorage storage;
  private final CudaDevice device;
  private final CudaFactors factors;
  private final CudaBlas blas;

  /** With results of a storage. */
  CudaGemm(CudaStorage storage, CudaFactors factors, CudaBlas blas) {
    this.storage = storage;
    this.device = storage.device();
    this.factors = factors;
    this.blas = blas;
  }

  @Override
  public void gemm(GemmProblem p, Buffer a, Buffer b, @Nullable Buffer bias, Buffer c) {
    if (p.batch() == 0 || p.m() == 0 || p.n() == 0) {
      return;
    }
    if (p.bias() != (bias != null)) {
      throw new IllegalArgumentException("gemm: the bias does not fit the problem: " + p);
    }
    if (p.k() > 0) {
      multiply(p, a, b, c);
    } else if (p.accumulate()) {
      return;
    }
    if (p.k() == 0 || bias != null || p.activation() != Activation.NONE) {
      long n = (long) p.batch() * p.m() * p.n();
      boolean rows = p.ldc() == p.n() && (p.batch() == 1 || p.strideC() == (long) p.m() * p.n());
      if (p.k() > 0 && rows && storage.type() != DType.F32) {
        CudaDnnConv.finish(storage, n, p.n(), p.activation(), p.biasType(), bias, null, c, c);
        return;
      }
      storage
          .launch("gemm", "epilogue")
          .i64(n)
          .i32(p.m())
          .i32(p.n())
          .i64(p.ldc())
          .i64(p.strideC())
          .i32(p.k() == 0 ? 1 : 0)
          .i32(p.activation().ordinal())
          .i32(p.biasType().ordinal())
          .optional(bias, (long) p.n() * p.biasType().bytes())
          .buffer(c, storage.bytes(span(p.batch(), p.strideC(), p.m(), p.ldc(), p.n())))
          .each(n);
    }
  }

  /** Elements from the first to the last of a batch of stored matrices. */
  private static long span(int batch, long stride, long rows, long leading, long columns) {
    if (stride < 0) {
      throw new IllegalArgumentException("gemm: a negative stride of a batch: " + stride);
    }
    long before = Math.multiplyExact(batch - 1L, stride);
    return Math.addExact(before, Math.multiplyExact(rows - 1, leading) + columns);
  }

  private void multiply(GemmProblem p, Buffer a, Buffer b, Buffer c) {
    long spanA =
        span(
            p.batch(),
            p.strideA(),
            p.transA() ? p.k() : p.m(),
            p.lda(),
            p.transA() ? p.m() : p.k());
    long spanB =
        span(
            p.batch(),
            p.strideB(),
            p.transB() ? p.n() : p.k(),
            p.ldb(),
            p.transB() ? p.k() : p.n());
    long spanC = span(p.batch(), p.strideC(), p.m(), p.ldc(), p.n());
    CudaBuffer left = reached("a", a, p.a(), spanA);
    CudaBuffer right = reached("b", b, p.b(), spanB);
    CudaBuffer result = reached("c", c, storage.type(), spanC);
    if (factors.type() == DType.F32 && p.a() == p.b()) {
      blas.multiply(p, p.a(), left, right, storage.type(), result);
      return;
    }
    int rowsA = p.transA() ? p.k() : p.m();
    int columnsA = p.transA() ? p.m() : p.k();
    int rowsB = p.transB() ? p.n() : p.k();
    int columnsB = p.transB() ? p.k() : p.n();
    try (CudaFactors.Factor first =
            factors.matrices(left, p.a(), p.batch(), rowsA, columnsA, p.lda(), p.strideA());
        CudaFactors.Factor second =
            factors.matrices(right, p.b(), p.batch(), rowsB, columnsB, p.ldb(), p.strideB())) {
      blas.multiply(
          p.leading(first.leading(), second.leading(), p.ldc())
              .batched(p.batch(), first.stride(), second.stride(), p.strideC()),
          factors.type(),
          first.at(),
          second.at(),
          storage.type(),
          result);
    }
  }

  private CudaBuffer reached(String name, Buffer buffer, DType type, long span) {
    CudaBuffer own = device.own(buffer);
    long bytes = Math.multiplyExact(span, (long) type.bytes());
    if (bytes > own.bytes()) {
      throw new IllegalArgumentException(
          "gemm: " + name + " needs " + bytes + " bytes, the buffer has " + own.bytes());
    }
    return own.slice(0, bytes);
  }
}
