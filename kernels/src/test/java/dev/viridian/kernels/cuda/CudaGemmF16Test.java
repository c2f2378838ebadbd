package dev.viridian.kernels.cuda;

import dev.viridian.kernels.DType;

/** Products with F16 factors. */
class CudaGemmF16Test extends CudaGemm16Test {
  CudaGemmF16Test() {
    super(DType.F16);
  }
}
