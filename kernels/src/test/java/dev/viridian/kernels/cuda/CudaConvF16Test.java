package dev.viridian.kernels.cuda;

import dev.viridian.kernels.DType;

/** Convolutions with F16 factors. */
class CudaConvF16Test extends CudaConv16Test {
  CudaConvF16Test() {
    super(DType.F16);
  }
}
