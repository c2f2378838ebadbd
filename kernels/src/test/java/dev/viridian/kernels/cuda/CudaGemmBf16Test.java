package dev.viridian.kernels.cuda;

import dev.viridian.kernels.DType;

/** Products with BF16 factors. */
class CudaGemmBf16Test extends CudaGemm16Test {
  CudaGemmBf16Test() {
    super(DType.BF16);
  }
}
