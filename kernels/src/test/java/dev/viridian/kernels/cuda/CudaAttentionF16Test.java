package dev.viridian.kernels.cuda;

import dev.viridian.kernels.DType;

/** Attention with F16 factors on tensor cores. */
class CudaAttentionF16Test extends CudaAttention16Test {
  CudaAttentionF16Test() {
    super(DType.F16);
  }
}
