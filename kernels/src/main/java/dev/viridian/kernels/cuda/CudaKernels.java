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
import org.jspecify.annotations.Nullable;

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
  private final @Nullable CudaNarrowKernels narrow;

  /** Kernels on a device, with scratch memory from its allocator; F32 throughout. */
  public CudaKernels(CudaDevice device, CudaAllocator allocator) {
    this(device, allocator, DType.F32);
  }

  /**
   * The same with another type of factors: products, convolutions and attention round both factors
   * to {@code compute} and use tensor cores. Tensors of F32, sums and everything that is not a
   * product stay F32; {@link #of} has what takes and gives tensors of {@code compute}.
   *
   * @param compute F32 (exact factors, no TF32), F16, or BF16 where the device has it
   * @throws CudaFailure if the device does not multiply that type
   */
  public CudaKernels(CudaDevice device, CudaAllocator allocator, DType compute) {
    CudaPack16 pack = compute == DType.F32 ? null : new CudaPack16(device, allocator, compute);
    copy = new CudaCopy(device);
    blas = new CudaBlas(device);
    CudaFactors factors = new CudaFactors(allocator, copy, pack);
    CudaStorage wide = new CudaStorage(device, DType.F32);
    gemm = new CudaGemm(wide, factors, blas);
    dnn = new CudaDnn(device, allocator);
    conv = new CudaDnnConv(wide, allocator, factors, dnn, new CudaConv(wide, allocator, gemm));
    attention =
        pack == null
            ? new CudaAttention(device, allocator)
            : new CudaAttention16(wide, allocator, factors, pack);
    norm = new CudaNorm(wide, allocator);
    pointwise = new CudaPointwise(wide, allocator);
    optimizer = new CudaOptimizer(device, allocator);
    random = new CudaRandom(device);
    image = new CudaImage(device, allocator);
    resample = new CudaResample(wide, allocator);
    softmax = new CudaSoftmax(wide);
    reduce = new CudaReduce(device, allocator);
    narrow =
        pack == null
            ? null
            : new CudaNarrowKernels(
                new CudaStorage(device, compute), allocator, factors, pack, blas, dnn, copy);
  }

  @Override
  public DType activations() {
    return narrow == null ? DType.F32 : narrow.activations();
  }

  @Override
  public Kernels of(DType activations) {
    return narrow != null && activations == narrow.activations()
        ? narrow
        : Kernels.super.of(activations);
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
