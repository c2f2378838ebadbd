package dev.viridian.kernels.cuda;

import dev.viridian.kernels.AttentionKernels;
import dev.viridian.kernels.ConvKernels;
import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmKernels;
import dev.viridian.kernels.ImageKernels;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.OptimizerKernels;
import dev.viridian.kernels.PointwiseKernels;
import dev.viridian.kernels.RandomKernels;
import dev.viridian.kernels.ReduceKernels;
import dev.viridian.kernels.ResampleKernels;
import dev.viridian.kernels.SoftmaxKernels;

/** The kernels of a CUDA device. Nothing here falls back to the CPU. */
public final class CudaKernels implements Kernels {
  private final CudaBlas blas;
  private final CudaDnn dnn;
  private final GemmKernels gemm;
  private final ConvKernels conv;
  private final AttentionKernels attention;
  private final NormKernels norm;
  private final CopyKernels copy;
  private final PointwiseKernels pointwise;
  private final OptimizerKernels optimizer;
  private final RandomKernels random;
  private final ImageKernels image;
  private final ResampleKernels resample;
  private final SoftmaxKernels softmax;
  private final ReduceKernels reduce;

  /** Kernels on a device, with scratch memory from its allocator; F32 throughout. */
  public CudaKernels(CudaDevice device, CudaAllocator allocator) {
    this(device, allocator, DType.F32);
  }

  /**
   * The same with another type of factors. Tensors, sums and everything that is not a product stay
   * F32; products, convolutions and attention round both factors to {@code compute} and use tensor
   * cores.
   *
   * @param compute F32 (exact factors, no TF32), F16, or BF16 where the device has it
   * @throws CudaFailure if the device does not multiply that type
   */
  public CudaKernels(CudaDevice device, CudaAllocator allocator, DType compute) {
    CudaPack16 pack = compute == DType.F32 ? null : new CudaPack16(device, allocator, compute);
    copy = new CudaCopy(device);
    blas = new CudaBlas(device);
    CudaFactors factors = new CudaFactors(allocator, copy, pack);
    gemm = new CudaGemm(device, factors, blas);
    dnn = new CudaDnn(device, allocator);
    conv = new CudaDnnConv(device, allocator, factors, dnn, new CudaConv(device, allocator, gemm));
    attention =
        pack == null
            ? new CudaAttention(device, allocator)
            : new CudaAttention16(device, allocator, pack);
    norm = new CudaNorm(device, allocator);
    pointwise = new CudaPointwise(device, allocator);
    optimizer = new CudaOptimizer(device, allocator);
    random = new CudaRandom(device);
    image = new CudaImage(device, allocator);
    resample = new CudaResample(device, allocator);
    softmax = new CudaSoftmax(device);
    reduce = new CudaReduce(device, allocator);
  }

  @Override
  public GemmKernels gemm() {
    return gemm;
  }

  @Override
  public ConvKernels conv() {
    return conv;
  }

  @Override
  public AttentionKernels attention() {
    return attention;
  }

  @Override
  public SoftmaxKernels softmax() {
    return softmax;
  }

  @Override
  public NormKernels norm() {
    return norm;
  }

  @Override
  public PointwiseKernels pointwise() {
    return pointwise;
  }

  @Override
  public ReduceKernels reduce() {
    return reduce;
  }

  @Override
  public ResampleKernels resample() {
    return resample;
  }

  @Override
  public CopyKernels copy() {
    return copy;
  }

  @Override
  public RandomKernels random() {
    return random;
  }

  @Override
  public OptimizerKernels optimizer() {
    return optimizer;
  }

  @Override
  public ImageKernels image() {
    return image;
  }

  @Override
  public void close() {
    dnn.close();
    blas.close(); // modules belong to the device
  }
}
