package dev.viridian.kernels.cuda;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmKernels;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.CudaBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Products by cuBLAS, summed in F32 (no TF32), with bias and activation by a kernel of our own.
 * Where the types of A and B differ, the narrower one is widened first.
 */
final class CudaGemm implements GemmKernels {
  private final CudaDevice device;
  private final CudaAllocator allocator;
  private final CopyKernels copies;
  private final CudaBlas blas;

  CudaGemm(CudaDevice device, CudaAllocator allocator, CopyKernels copies, CudaBlas blas) {
    this.device = device;
    this.allocator = allocator;
    this.copies = copies;
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
      device
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
          .floats(c, span(p.batch(), p.strideC(), p.m(), p.ldc(), p.n()))
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
    CudaBuffer result = reached("c", c, DType.F32, spanC);
    if (p.a() == p.b()) {
      blas.multiply(p, p.a(), left, right, result);
      return;
    }
    try (CudaAllocator.Scratch wideA = wide(left, p.a(), spanA);
        CudaAllocator.Scratch wideB = wide(right, p.b(), spanB)) {
      blas.multiply(
          p,
          DType.F32,
          wideA == null ? left : wideA.buffer(),
          wideB == null ? right : wideB.buffer(),
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

  /** A copy in F32; null if it is F32 already. */
  private CudaAllocator.@Nullable Scratch wide(CudaBuffer from, DType type, long span) {
    if (type == DType.F32) {
      return null;
    }
    CudaAllocator.Scratch to = allocator.scratch(Math.multiplyExact(span, (long) Float.BYTES));
    copies.copy(
        new CopyKernels.Copy(List.of(span), type, 0, List.of(1L), DType.F32, 0, List.of(1L)),
        from,
        to.buffer());
    return to;
  }
}
