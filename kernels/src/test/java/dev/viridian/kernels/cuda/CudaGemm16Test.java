package dev.viridian.kernels.cuda;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmKernels;
import dev.viridian.kernels.Kernels;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/**
 * Products with factors of 16 bits, in all cases of {@link CudaGemmTest}: of numbers that the type
 * holds, so that the plain loops' results are expected.
 */
abstract class CudaGemm16Test extends CudaGemmTest {
  private final DType type;
  private CudaKernels sixteen;

  CudaGemm16Test(DType type) {
    this.type = type;
  }

  @BeforeEach
  @Override
  void open() {
    super.open();
    sixteen = new CudaKernels(device, allocator, type);
  }

  @AfterEach
  @Override
  void close() {
    if (sixteen != null) {
      sixteen.close();
    }
    super.close();
  }

  @Override
  GemmKernels gemm(Kernels any) {
    return any == kernels ? sixteen.gemm() : any.gemm();
  }

  @Override
  Numbers factors(DType of, long count) {
    return rounded(type, normal(of, count));
  }
}
