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

/**
 * The forward passes of networks with activations of 16 bits ({@link Kernels#of}). What is not
 * needed between the products of a network is refused: those numbers are to be cast to F32.
 */
final class CudaNarrowKernels implements Kernels {
  private final CudaStorage storage;
  private final GemmKernels gemm;
  private final ConvKernels conv;
  private final AttentionKernels attention;
  private final NormKernels norm;
  private final PointwiseKernels pointwise;
  private final ResampleKernels resample;
  private final SoftmaxKernels softmax;
  private final CopyKernels copy;

  /** On the handles of the kernels for F32, which closes them. */
  CudaNarrowKernels(
      CudaStorage storage,
      CudaAllocator allocator,
      CudaFactors factors,
      CudaPack16 pack,
      CudaBlas blas,
      CudaDnn dnn,
      CopyKernels copy) {
    this.storage = storage;
    this.copy = copy;
    gemm = new CudaGemm(storage, factors, blas);
    conv =
        new CudaDnnConv(storage, allocator, factors, dnn, new CudaConv(storage, allocator, gemm));
    attention = new CudaAttention16(storage, allocator, factors, pack);
    norm = new CudaNorm(storage, allocator);
    pointwise = new CudaPointwise(storage, allocator);
    resample = new CudaResample(storage, allocator);
    softmax = new CudaSoftmax(storage);
  }

  private UnsupportedOperationException none(String what) {
    return new UnsupportedOperationException(
        "CUDA: there are no " + what + " of activations of " + storage.type());
  }

  @Override
  public DType activations() {
    return storage.type();
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
  public ResampleKernels resample() {
    return resample;
  }

  @Override
  public CopyKernels copy() {
    return copy;
  }

  @Override
  public ReduceKernels reduce() {
    throw none("reductions");
  }

  @Override
  public RandomKernels random() {
    throw none("random numbers");
  }

  @Override
  public OptimizerKernels optimizer() {
    throw none("optimiser steps");
  }

  @Override
  public ImageKernels image() {
    throw none("Sobel and K-Means");
  }

  /** Nothing: they belong to the kernels for F32. */
  @Override
  public void close() {}
}
