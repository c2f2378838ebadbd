package dev.viridian.kernels.cuda;

import dev.viridian.kernels.ConvKernels;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Kernels;

/** Convolutions as products of patches, as where cuDNN is missing. */
class CudaPatchesTest extends CudaConvTest {
  @Override
  ConvKernels conv(Kernels any) {
    return any == kernels
        ? new CudaConv(new CudaStorage(device, DType.F32), allocator, kernels.gemm())
        : any.conv();
  }
}
