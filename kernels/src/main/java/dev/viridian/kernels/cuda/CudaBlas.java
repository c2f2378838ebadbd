package dev.viridian.kernels.cuda;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.memory.CudaBuffer;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jcuda.Pointer;
import jcuda.cudaDataType;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.runtime.cudaStream_t;
import org.jspecify.annotations.Nullable;

/** cuBLAS on a device's stream; opened when first used. */
final class CudaBlas implements AutoCloseable {
  private static final int COMPUTE_F32 = 68;
  private static final int DEFAULT_ALGORITHM = -1;
  private static final String CALL = "cublasGemmStridedBatchedEx ";
  private static final int PLAIN = 0;
  private static final int TURNED = 1;

  private final CudaDevice device;
  private final MemorySegment factors = Arena.ofAuto().allocate(8, 8);
  private @Nullable cublasHandle handle;
  private @Nullable CublasForeign foreign; // in place of JCublas
  private long foreignHandle;

  CudaBlas(CudaDevice device) {
    this.device = device;
  }

  /** By JCublas; null where it is called without. */
  private @Nullable cublasHandle open() {
    if (handle == null && foreign == null) {
      CudaLibraries.Blas library = CudaLibraries.requireBlas();
      if (library.withoutJCublas()) {
        CublasForeign made = new CublasForeign(CudaLibraries.required(library.file()));
        foreignHandle = made.open(device.streamAddress());
        foreign = made;
        return null;
      }
      try {
        CudaLibraries.prepare(() -> JCublas2.setExceptionsEnabled(false));
      } catch (LinkageError | IOException e) {
        throw new CudaFailure("CUDA: JCublas does not load: " + e.getMessage(), e);
      }
      cublasHandle made = new cublasHandle();
      CudaCheck.cublas(JCublas2.cublasCreate(made), "cublasCreate");
      handle = made;
      CudaCheck.cublas(
          JCublas2.cublasSetStream(made, new cudaStream_t(device.stream())), "cublasSetStream");
    }
    return handle;
  }

  /**
   * The product of a problem without bias and activation, a and b both of {@code type}, c of that
   * type too or F32. cuBLAS has columns where we have rows: it computes Cᵀ = op(B)ᵀ op(A)ᵀ, which
   * in memory is the same.
   */
  synchronized void multiply(
      GemmProblem p, DType type, CudaBuffer a, CudaBuffer b, DType result, CudaBuffer c) {
    device.bind();
    cublasHandle jcublas = open();
    factors.set(ValueLayout.JAVA_FLOAT, 0, p.alpha());
    factors.set(ValueLayout.JAVA_FLOAT, 4, p.accumulate() ? 1 : 0);
    if (jcublas == null) {
      CudaCheck.cublas(withoutJCublas(p, type, a, b, result, c), CALL + p);
      return;
    }
    Pointer alpha = Pointer.to(factors.asSlice(0, 4).asByteBuffer());
    Pointer beta = Pointer.to(factors.asSlice(4, 4).asByteBuffer());
    CudaCheck.cublas(
        JCublas2.cublasGemmStridedBatchedEx_new(
            jcublas,
            p.transB() ? TURNED : PLAIN,
            p.transA() ? TURNED : PLAIN,
            p.n(),
            p.m(),
            p.k(),
            alpha,
            Address.of(b.address()),
            cuda(type),
            Math.toIntExact(p.ldb()),
            p.strideB(),
            Address.of(a.address()),
            cuda(type),
            Math.toIntExact(p.lda()),
            p.strideA(),
            beta,
            Address.of(c.address()),
            cuda(result),
            Math.toIntExact(p.ldc()),
            p.strideC(),
            p.batch(),
            COMPUTE_F32,
            DEFAULT_ALGORITHM),
        CALL + p);
  }

  private int withoutJCublas(
      GemmProblem p, DType type, CudaBuffer a, CudaBuffer b, DType result, CudaBuffer c) {
    if (foreign == null) {
      throw new IllegalStateException("cuBLAS is not open");
    }
    return foreign.multiply(
        foreignHandle,
        p.transB() ? TURNED : PLAIN,
        p.transA() ? TURNED : PLAIN,
        p.n(),
        p.m(),
        p.k(),
        factors.asSlice(0, 4),
        b.address(),
        cuda(type),
        Math.toIntExact(p.ldb()),
        p.strideB(),
        a.address(),
        cuda(type),
        Math.toIntExact(p.lda()),
        p.strideA(),
        factors.asSlice(4, 4),
        c.address(),
        cuda(result),
        Math.toIntExact(p.ldc()),
        p.strideC(),
        p.batch(),
        COMPUTE_F32,
        DEFAULT_ALGORITHM);
  }

  private static int cuda(DType type) {
    return switch (type) {
      case F32 -> cudaDataType.CUDA_R_32F;
      case F16 -> cudaDataType.CUDA_R_16F;
      case BF16 -> cudaDataType.CUDA_R_16BF;
      case I32, I64, U8 -> throw new IllegalArgumentException("not floating point: " + type);
    };
  }

  @Override
  public synchronized void close() {
    if (handle != null) {
      device.bind();
      CudaCheck.cublas(JCublas2.cublasDestroy(handle), "cublasDestroy");
      handle = null;
    }
    if (foreign != null) {
      device.bind();
      foreign.close(foreignHandle);
      foreign = null;
    }
  }
}
