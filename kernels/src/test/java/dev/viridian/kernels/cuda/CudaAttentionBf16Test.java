package dev.viridian.kernels.cuda;

import dev.viridian.kernels.DType;

/** Attention with BF16 factors on tensor cores. */
class CudaAttentionBf16Test extends CudaAttention16Test {
  CudaAttentionBf16Test() {
    super(DType.BF16);
  }
}
