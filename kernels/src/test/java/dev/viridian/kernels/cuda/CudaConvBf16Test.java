package dev.viridian.kernels.cuda;

import dev.viridian.kernels.DType;

/** Convolutions with BF16 factors. */
class CudaConvBf16Test extends CudaConv16Test {
  CudaConvBf16Test() {
    super(DType.BF16);
  }
}
